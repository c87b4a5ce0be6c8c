// Random calls on a heap, for each fit, with a lock, without, and with full checks: contents stay, the counts are right, and the validators hold.
#include "include/heaps.h"

enum { BLOCKS = 2000, ROUNDS = 100000 };

static char *blocks[BLOCKS];
static size_t sizes[BLOCKS];

static void mark_block(int i) {
    blocks[i][0] = (char)i;
    blocks[i][sizes[i] - 1] = (char)i;
}

static size_t any_size(uint64_t *random) {
    return next_random(random) % 8 ? 1 + next_random(random) % 300 : 1 + next_random(random) % 30000;
}

static void change(struct metes_heap *heap, int i, uint64_t *random) {
    CHECK(blocks[i][0] == (char)i && blocks[i][sizes[i] - 1] == (char)i);
    switch (next_random(random) % 4) {
    case 0:
        sizes[i] = any_size(random);
        blocks[i] = next_random(random) % 2 ? metes_heap_realloc(heap, blocks[i], sizes[i]) : realloc(blocks[i], sizes[i]);
        CHECK(blocks[i] != NULL && blocks[i][0] == (char)i);
        mark_block(i);
        return;
    case 1:
        free(blocks[i]);
        break;
    default:
        metes_heap_free(heap, blocks[i]);
    }
    blocks[i] = NULL;
}

static void make(struct metes_heap *heap, int i, uint64_t *random) {
    sizes[i] = any_size(random);
    size_t align = (size_t)16 << next_random(random) % 10;
    blocks[i] = next_random(random) % 8 ? metes_heap_malloc(heap, sizes[i])
                                        : metes_heap_aligned_alloc(heap, align, sizes[i]);
    CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0);
    CHECK(metes_heap_usable_size(heap, blocks[i]) >= sizes[i] && malloc_usable_size(blocks[i]) >= sizes[i]);
    CHECK(metes_heap_of(blocks[i]) == heap && metes_heap_owns(heap, blocks[i]));
    mark_block(i);
}

static int count(void *block, size_t usable, void *argument) {
    size_t *sums = argument;
    CHECK(block != NULL);
    sums[0]++;
    sums[1] += usable + 8;
    return 0;
}

int main(void) {
    uint64_t random = 1;
    for (int kind = 0; kind < 9; kind++) {
        struct metes_heap_options options = {
            .size = sizeof options, .name = "model", .fit = kind % 3, .single_threaded = kind / 3 == 1, .checks = kind / 3 == 2};
        struct metes_heap *heap = metes_heap_new(&options);
        for (int round = 0; round < ROUNDS; round++) {
            int i = (int)(next_random(&random) % BLOCKS);
            if (blocks[i]) {
                change(heap, i, &random);
            } else {
                make(heap, i, &random);
            }
            if (round % 10000 == 0) {
                HEAP_OK(heap);
            }
        }
        HEAP_OK(heap);
        struct metes_heap_stats stats;
        CHECK(metes_heap_stats(heap, &stats, sizeof stats) == sizeof stats);
        size_t sums[2] = {0, 0};
        metes_heap_walk(heap, count, sums);
        CHECK(sums[0] == stats.blocks && (options.checks ? sums[1] < stats.live : sums[1] == stats.live));
        CHECK(stats.mallocs - stats.frees == stats.blocks && stats.peak >= stats.live && stats.held >= stats.live);
        metes_heap_reset(heap);
        HEAP_OK(heap);
        CHECK(heap_live(heap) == 0);
        memset(blocks, 0, sizeof blocks);
        for (int i = 0; i < BLOCKS; i++) {
            make(heap, i, &random);
        }
        HEAP_OK(heap);
        for (int i = 0; i < BLOCKS; i += 2) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
        metes_heap_purge(heap);
        HEAP_OK(heap);
        for (int i = 1; i < BLOCKS; i += 2) {
            CHECK(blocks[i][0] == (char)i && blocks[i][sizes[i] - 1] == (char)i);
        }
        memset(blocks, 0, sizeof blocks);
        metes_heap_destroy(heap);
        CHECK(metes_check() == NULL);
    }
    return 0;
}
