// Memory that realloc cuts off in place is given back too.
// ways: preload so
#include "check.h"

#include "include/resident.h"

enum { LARGE = 600 };

int main(void) {
    static void *large[LARGE];
    served_by_metes();
    for (size_t i = 0; i < LARGE; i++) {
        CHECK(large[i] = malloc(100000));
        memset(large[i], 1, 100000);
    }
    for (size_t i = 0; i < LARGE; i++) CHECK(large[i] = realloc(large[i], 40000));
    // 24 of 60 MB are needed.
    CHECK(shrinks_to(34 * MIB));
    check_heap();
    return 0;
}
