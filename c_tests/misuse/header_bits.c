// Each single bit of a live block's header is flipped: all 64 are noticed, and the report shows the header as it was
// found.
// env: METES_OPTIONS=slabs=off
#include "check.h"

#include "include/child.h"

static void free_with_flipped_bit(void *p, uint64_t bit) {
    uint64_t header;
    char *at = (char *)opaque(p) - 8;
    memcpy(&header, at, 8);
    header ^= UINT64_C(1) << bit;
    memcpy(at, &header, 8);
    free(p);
}

int main(void) {
    char expected[200];
    uint64_t header;
    char *p = malloc(3000), *behind = malloc(3000);
    CHECK(p && behind);
    memcpy(&header, (char *)opaque(p) - 8, 8);
    for (uint64_t bit = 0; bit < 64; bit++) {
        struct ending end = child_that(free_with_flipped_bit, p, bit);
        snprintf(expected, sizeof expected, "metes: M005 header overwritten: free(%p): the 8 bytes before the block are 0x%016llx; ",
                 (void *)p, (unsigned long long)(header ^ UINT64_C(1) << bit));
        if (!aborted(&end) || !said(&end, expected)) {
            fprintf(stderr, "bit %d: status 0x%x\n  %s  expected: %s\n", (int)bit, (unsigned)end.status, end.said, expected);
            return 1;
        }
    }
    free(p);
    free(behind);
    check_heap();
    return 0;
}
