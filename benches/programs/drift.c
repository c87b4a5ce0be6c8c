// Drift: a long run whose sizes change slowly, at a constant number of live bytes.
//
// Sizes are drawn from the doubling below a limit that wanders from 32 bytes to 8 KiB and back, sweeps= times. Each
// doubling lasts until live= bytes were allocated, and random blocks are freed to stay at live= bytes. Holes of
// earlier sizes do not fit later ones, which is how the memory of long-running programs grows (Johnstone and Wilson,
// "The Memory Fragmentation Problem: Solved?", ISMM 1998). The result has two more fields, taken while the blocks
// still live: rss_end_kib= and live_bytes=. With samples= it also prints so many points of the way; work= is bytes
// allocated.
#include "resident.h"

enum { MIN = 32, DOUBLINGS = 8 };

// The upper end of the sizes after so many bytes: sweeps go up and down in turns.
static size_t limit_after(size_t bytes, size_t live)
{
    size_t sweep = DOUBLINGS * live, place = bytes % sweep;
    if (bytes / sweep % 2)
        place = sweep - 1 - place;
    size_t whole = (size_t)MIN << (place / live);
    return whole + whole * (place % live >> 8) / (live >> 8); // no overflow for a live of many GiB
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option_work("live", 16 << 20);
    size_t sweeps = option("sweeps", 3), all = sweeps * DOUBLINGS * live;
    size_t between = option_text("samples") ? all / option("samples", 1) : 0;
    options_end();
    if (live < 1 << 16)
        fail(2, "live= is at least 64k", "");

    uint64_t random = random_seed(0);
    size_t slots = live / (MIN / 2) + 1, count = 0, bytes = 0, n = 0;
    struct block *blocks = present(calloc(slots, sizeof *blocks));
    if (between)
        memset(blocks, 1, slots * sizeof *blocks); // or it would grow while samples are taken
    size_t before = resident_kib(), next = between ? between : SIZE_MAX;
    double begin = now();
    for (size_t done = 0; done < all; n++) {
        size_t limit = limit_after(done, live), size = random_range(&random, limit / 2, limit);
        blocks[count++] = block_new(size, size);
        done += size;
        bytes += size;
        while (bytes > live) {
            size_t k = random_below(&random, count);
            bytes -= blocks[k].size;
            block_end(blocks[k], blocks[k].size);
            blocks[k] = blocks[--count];
        }
        if (done >= next) {
            print_sample(done, before, bytes);
            next += between;
        }
    }
    double seconds = now() - begin;
    size_t resident = resident_kib();
    for (size_t k = 0; k < count; k++)
        block_end(blocks[k], blocks[k].size);
    free(blocks);
    printf("ops=%zu seconds=%.6f rss_end_kib=%zu live_bytes=%zu\n", n, seconds, resident, bytes);
    return 0;
}
