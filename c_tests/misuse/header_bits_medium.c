// Each single bit of the header of a block that goes into the thread's cache is flipped: free notices all 64. A whole block is
// freed without a report.
#include "check.h"

#include "include/child.h"

enum { SIZE = 40000 };

static void free_with_flipped_bit(void *p, uint64_t bit) {
    uint64_t header;
    char *at = (char *)opaque(p) - 8;
    memcpy(&header, at, 8);
    header ^= UINT64_C(1) << bit;
    memcpy(at, &header, 8);
    free(p);
}

int main(void) {
    char expected[100];
    char *p = malloc(SIZE);
    // From here on a free of this size goes into the cache, and comes out of it again.
    for (int i = 0; i < 3; i++) {
        free(p);
        CHECK(malloc(SIZE) == p);
    }
    snprintf(expected, sizeof expected, "metes: M005 header overwritten: free(%p): ", (void *)p);
    for (uint64_t bit = 0; bit < 64; bit++) {
        struct ending end = child_that(free_with_flipped_bit, p, bit);
        if (!aborted(&end) || !said(&end, expected)) {
            fprintf(stderr, "bit %d: status 0x%x\n  %s\n", (int)bit, (unsigned)end.status, end.said);
            return 1;
        }
    }
    free(p);
    check_heap();
    return 0;
}
