// The numbers in a report are right: the pointer as it was given, the block it is in, its size, and the distance.
// env: METES_OPTIONS=slabs=off
#include "check.h"

#include "include/child.h"

static void free_it(void *p, uint64_t offset) { free((char *)opaque(p) + offset); }

static void free_it_twice(void *p, uint64_t unused) {
    (void)unused;
    free(p);
    free(opaque(p));
}

static void expect(misuse *does, void *p, uint64_t how, const char *expected) {
    struct ending end = child_that(does, p, how);
    if (aborted(&end) && said(&end, expected)) return;
    fprintf(stderr, "status 0x%x\n  said: %s  expected: %s\n", (unsigned)end.status, end.said, expected);
    exit(1);
}

int main(void) {
    static const size_t sizes[] = {100, 1000, 3000, 30000, 4 * MIB};
    static const size_t offsets[] = {1, 8, 16, 64, 96};
    char text[300];
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        char *p = malloc(sizes[s]), *live = malloc(sizes[s]);
        size_t usable = malloc_usable_size(p);
        for (size_t o = 0; o < sizeof offsets / sizeof offsets[0]; o++) {
            snprintf(text, sizeof text, "metes: M003 interior pointer: free(%p): %zu bytes into the block of %zu bytes at %p\n",
                     (void *)(p + offsets[o]), offsets[o], usable, (void *)p);
            expect(free_it, p, offsets[o], text);
        }
        // A mapping is gone after the first free, and its size with it.
        if (sizes[s] < MIB) {
            snprintf(text, sizeof text, "metes: M001 double free: free(%p): this block is free already, ", (void *)p);
            expect(free_it_twice, p, 0, text);
        }
        free(p);
        free(live);
    }
    check_heap();
    return 0;
}
