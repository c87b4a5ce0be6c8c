// A heap over the caller's memory: it uses that and maps nothing, and the memory is the caller's again in the end.
// env: METES_OPTIONS=cutoff=256k
// stderr: metes: metes_heap_new: memory has no whole unit of 64 KiB, aligned to 64 KiB: metes_freelist_init takes any memory
// stderr: metes: metes_heap_new: memory is in a heap already: metes_freelist_init takes any memory
// stderr: metes: metes_heap_new: memory is the caller's, and cannot be had with reserve or guard_pages
#include "include/heaps.h"
#include <sys/mman.h>

enum { BYTES = 1 << 20, UNIT = 64 << 10 };

static char memory[BYTES];

static void use_all(char *start, size_t bytes) {
    memset(start, 0xa5, bytes);
    struct metes_heap_options options = {
        .size = sizeof options, .name = "given", .memory = start, .memory_size = bytes};
    struct metes_heap *heap = metes_heap_new(&options);
    CHECK(heap != NULL);
    size_t total = 0, count = 0;
    uint64_t random = 1;
    for (int round = 0; round < 3; round++) {
        for (;; count++) {
            size_t wanted = 1 + next_random(&random) % 3000;
            char *p = count % 2 ? metes_heap_malloc(heap, wanted) : metes_heap_calloc(heap, 1, wanted);
            if (!p) {
                break;
            }
            CHECK(p >= start && p + wanted <= start + bytes && metes_heap_of(p) == heap);
            for (size_t i = 0; i < wanted && count % 2 == 0; i++) {
                CHECK(p[i] == 0);
            }
            memset(p, 0xee, wanted);
            total += wanted;
            if (count % 3 == 0) {
                free(p);
            }
        }
        HEAP_OK(heap);
        CHECK(metes_heap_purge(heap) == 0);
        metes_purge();
        HEAP_OK(heap);
        metes_heap_reset(heap);
        HEAP_OK(heap);
    }
    CHECK(total > bytes);
    struct metes_heap_stats stats;
    CHECK(metes_heap_stats(heap, &stats, sizeof stats) && stats.held <= bytes && stats.held >= bytes - 2 * UNIT);
    metes_heap_destroy(heap);
    memset(start, 0x5a, bytes);
    CHECK(metes_heap_of(start + bytes / 2) == NULL && metes_check() == NULL);
}

int main(void) {
    use_all(memory, BYTES);
    use_all(memory + 100, BYTES - 100);
    char *mapped = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    use_all(mapped, BYTES);
    munmap(mapped, BYTES);
    // Large blocks of malloc's, and aligned ones, too.
    char *block = malloc(BYTES);
    use_all(block, BYTES);
    block = realloc(block, 3 * BYTES);
    use_all(block, 3 * BYTES);
    free(block);
    block = aligned_alloc(UNIT, BYTES);
    use_all(block, BYTES);
    free(block);
    CHECK(metes_check() == NULL);

    struct metes_heap_options options = {.size = sizeof options, .memory = memory + 1, .memory_size = UNIT};
    CHECK(metes_heap_new(&options) == NULL && errno == EINVAL);
    options.memory = malloc(200000);
    options.memory_size = 200000;
    CHECK(metes_heap_new(&options) == NULL && errno == EINVAL);
    free(options.memory);
    options.memory = memory;
    options.memory_size = BYTES;
    options.reserve = 1;
    CHECK(metes_heap_new(&options) == NULL && errno == EINVAL);
    return 0;
}
