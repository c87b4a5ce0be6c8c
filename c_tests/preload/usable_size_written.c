// Programs write up to malloc_usable_size, and realloc copies all of it.
#include "check.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    served_by_metes();
    for (int i = 0; i < 3000; i++) {
        size_t size = next_random(&random) % (i % 100 ? 5000 : 2 * MIB);
        unsigned char *p = malloc(size), *neighbour = malloc(size);
        size_t usable = malloc_usable_size(p);
        CHECK(usable >= size);
        fill(p, 0, usable, (unsigned)i);
        memset(neighbour, 7, malloc_usable_size(neighbour));
        CHECK((p = realloc(p, usable + 1 + next_random(&random) % 5000)));
        CHECK(holds(p, 0, usable, (unsigned)i));
        free(p);
        free(neighbour);
    }
    check_heap();
    return 0;
}
