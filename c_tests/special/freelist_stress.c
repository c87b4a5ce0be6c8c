// Random operations of all kinds under each policy, against what the program knows, in buffers from the smallest on.
// args: 60000
// soak-args: 3000000
#include "check.h"

#include "metes.h"

enum { BLOCKS = 400 };
static char *blocks[BLOCKS];
static size_t sizes[BLOCKS];
_Alignas(4096) static unsigned char buffer[1 << 20];

static size_t size_of(uint64_t *state, size_t bytes) {
    uint64_t kind = next_random(state) % 10;
    return kind < 7 ? next_random(state) % 200 : next_random(state) % (bytes / (kind < 9 ? 40 : 4) + 1);
}

static void run(unsigned fit, size_t bytes, long operations) {
    struct metes_freelist_options options = {.size = sizeof options, .fit = fit};
    metes_freelist *list = metes_freelist_init(buffer, bytes, &options);
    CHECK(list);
    uint64_t state = 88172645463325252ull + fit + bytes;
    long failed = 0;
    for (long i = 0; i < operations; i++) {
        unsigned at = (unsigned)(next_random(&state) % BLOCKS), kind = (unsigned)(next_random(&state) % 8);
        size_t n = size_of(&state, bytes);
        if (blocks[at] && kind < 2) {
            char *p = metes_freelist_realloc(list, blocks[at], n);
            if (p) {
                CHECK(holds(p, 0, n < sizes[at] ? n : sizes[at], at));
                blocks[at] = p, sizes[at] = n;
                fill(p, 0, n, at);
            }
        } else if (blocks[at]) {
            CHECK(holds(blocks[at], 0, sizes[at], at));
            metes_freelist_free(list, blocks[at]);
            blocks[at] = NULL;
        } else {
            char *p = kind == 0 ? metes_freelist_calloc(list, 1, n)
                    : kind == 1 ? metes_freelist_aligned_alloc(list, (size_t)16 << next_random(&state) % 6, n)
                                : metes_freelist_malloc(list, n);
            failed += !p;
            if (p) {
                CHECK(kind != 0 || all_bytes_are(p, n, 0));
                blocks[at] = p, sizes[at] = n;
                fill(p, 0, n, at);
            }
        }
        if (i % 512 == 0) {
            const char *broken = metes_freelist_check(list);
            if (broken) check_failed(__FILE__, __LINE__, broken);
        }
    }
    for (unsigned at = 0; at < BLOCKS; at++) {
        CHECK(!blocks[at] || holds(blocks[at], 0, sizes[at], at));
        metes_freelist_free(list, blocks[at]);
        blocks[at] = NULL;
    }
    struct metes_freelist_stats stats;
    CHECK(!metes_freelist_check(list) && metes_freelist_stats(list, &stats, sizeof stats) == sizeof stats);
    CHECK(stats.blocks == 0 && stats.free_blocks == 1 && failed < operations);
}

int main(int argc, char **argv) {
    long operations = argc > 1 ? atol(argv[1]) : 10000;
    size_t all[] = {256, 1000, 5000, 60000, sizeof buffer};
    for (unsigned fit = METES_FIT_BEST; fit <= METES_FIT_WORST; fit++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) run(fit, all[i], operations);
    return 0;
}
