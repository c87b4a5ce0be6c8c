// Aligned: rounds of blocks at an alignment of their own size, each touched at both ends, all freed in the order of
// their age.
//
// Buffers for direct I/O, pages of garbage collectors, huge pages that a program arranges for itself. Room before an
// aligned block is cut off when it is allocated and merged when it is freed.
//
// bench: aligned_4k size=4k live=3000
// bench: aligned_64k size=64k live=3000
// bench: aligned_2m size=2m live=64
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t size = option("size", 64 << 10);
    size_t align = option("align", size);
    size_t live = option("live", 3000);
    size_t n = option_work("n", 60000);
    options_end();

    struct block *blocks = present(calloc(live, sizeof *blocks));
    size_t rounds = n / live ? n / live : 1;
    double begin = now();
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < live; i++) {
            void *at;
            if (posix_memalign(&at, align, size))
                fail(1, "out of memory", "");
            blocks[i] = (struct block){at, size};
            blocks[i].at[0] = blocks[i].at[size - 1] = (unsigned char)i;
            require((uintptr_t)at % align == 0, "an alignment");
        }
        for (size_t i = 0; i < live; i++)
            block_end(blocks[i], i);
    }
    double seconds = now() - begin;
    free(blocks);
    print_result(rounds * live, seconds);
    return 0;
}
