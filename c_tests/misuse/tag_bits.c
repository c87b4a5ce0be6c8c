// Each single bit of a free block's boundary tag is flipped. Then the block behind it is freed, which finds its
// neighbour by that tag. All 64 are noticed, and none leads the walk to unmapped memory.
// env: METES_OPTIONS=slabs=off
#include "check.h"

#include "include/child.h"
#include "include/row.h"

static char *blocks[2];
static char *tag;

static void flip_and_merge(void *p, uint64_t bit) {
    uint64_t word;
    memcpy(&word, opaque(tag), 8);
    word ^= UINT64_C(1) << bit;
    memcpy(opaque(tag), &word, 8);
    free(p);
}

int main(void) {
    row(blocks, 2, 3000);
    tag = blocks[0] + malloc_usable_size(blocks[0]) - 8;
    free(blocks[0]);
    for (uint64_t bit = 0; bit < 64; bit++) {
        struct ending end = child_that(flip_and_merge, blocks[1], bit);
        if (!aborted(&end) || !said(&end, "metes: ")) {
            fprintf(stderr, "bit %d: status 0x%x\n  %s\n", (int)bit, (unsigned)end.status, end.said);
            return 1;
        }
    }
    free(blocks[1]);
    check_heap();
    return 0;
}
