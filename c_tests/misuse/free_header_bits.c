// Each single bit of a free block's header is flipped. Then its neighbour is freed, which would merge with it. All
// 64 are noticed.
// env: METES_OPTIONS=slabs=off
#include "check.h"

#include "include/child.h"
#include "include/row.h"

static char *blocks[3];

static void flip_and_merge(void *p, uint64_t bit) {
    uint64_t header;
    char *at = (char *)opaque(p) - 8;
    memcpy(&header, at, 8);
    header ^= UINT64_C(1) << bit;
    memcpy(at, &header, 8);
    free(blocks[0]);
}

int main(void) {
    row(blocks, 3, 3000);
    free(blocks[1]);
    for (uint64_t bit = 0; bit < 64; bit++) {
        struct ending end = child_that(flip_and_merge, blocks[1], bit);
        if (!aborted(&end) || !said(&end, "metes: ")) {
            fprintf(stderr, "bit %d: status 0x%x\n  %s\n", (int)bit, (unsigned)end.status, end.said);
            return 1;
        }
    }
    free(blocks[0]);
    check_heap();
    return 0;
}
