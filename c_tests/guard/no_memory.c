// There is no address space for the pool: metes says so and goes on without it.
// stderr: metes: no memory for guarded allocations: guard is off
#include "include/guard.h"
#include <sys/resource.h>

int main(void) {
    free(malloc(100));
    struct rlimit none = {1 << 20, 1 << 20};
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    CHECK(set_option("guard", "1") == 0);
    for (int i = 0; i < 1000; i++) {
        char *p = malloc(99);
        CHECK(p && !is_guarded(p, 99));
        free(p);
    }
    check_whole();
    return 0;
}
