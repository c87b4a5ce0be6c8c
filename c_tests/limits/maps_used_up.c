// A program has as many memory maps as there may be. Blocks of all sizes are allocated or refused, resized and
// freed, and each munmap that would cut a map in two fails. Later, with maps again, all works as it should, in
// threads too.
// cflags: -pthread
// needs: few-maps
// timeout: 120
#include "check.h"
#include "statistics.h"

#include <sys/mman.h>

#include "include/exhaust.h"

enum { BLOCKS = 4000 };
static unsigned char *blocks[BLOCKS];
static size_t lengths[BLOCKS];

static void one(int i, uint64_t *random, int is_full) {
    size_t size = i % 20 == 0 ? large(random) : i % 5 == 0 ? medium(random) : small(random);
    unsigned char *block;
    if (blocks[i] && i % 3) {
        size_t both = size < lengths[i] ? size : lengths[i];
        CHECK(holds(blocks[i], 0, 64, (unsigned)i));
        block = realloc(blocks[i], size);
        if (!block) {
            CHECK(is_full && errno == ENOMEM && holds(blocks[i], 0, 64, (unsigned)i));
            return;
        }
        CHECK(holds(block, 0, both < 64 ? both : 64, (unsigned)i));
    } else {
        if (blocks[i]) CHECK(holds(blocks[i], 0, 64, (unsigned)i));
        free(blocks[i]);
        blocks[i] = NULL;
        errno = 0;
        block = get(size, (unsigned)i);
        if (!block) {
            CHECK(is_full && errno == ENOMEM);
            return;
        }
    }
    blocks[i] = block;
    lengths[i] = size;
    fill(block, 0, 64, (unsigned)i);
}

int main(void) {
    uint64_t random = 88172645463325252u;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 2 * 70000, teeth = 0;
    served_by_metes();
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    for (int i = 0; i < BLOCKS; i++) one(i, &random, 0);
    char *comb = mmap(NULL, pages * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(comb != MAP_FAILED);
    while (teeth < pages / 2 && mprotect(comb + 2 * teeth * page, page, PROT_READ) == 0) teeth++;
    CHECK(teeth < pages / 2);
    for (int round = 0; round < 5; round++) {
        for (int i = round; i < BLOCKS; i++) one(i, &random, 1);
        malloc_trim(0);
        check_heap();
    }
    for (int i = 0; i < BLOCKS; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    malloc_trim(0);
    check_heap();
    for (int i = 0; i < BLOCKS; i++) one(i, &random, 1);
    CHECK(munmap(comb, pages * page) == 0);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < BLOCKS; i++) one(i, &random, 0);
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(holds(blocks[i], 0, 64, (unsigned)i));
        free(blocks[i]);
    }
    in_threads();
    malloc_trim(0);
    check_heap();
    struct metes_stats now = statistics();
    // Beside the heaps there are only records: munmap has taken by now what it had refused.
    size_t beside = now.mapped - now.heap_held;
    if (beside > 8 * MIB) fprintf(stderr, "%zu bytes beside the heaps, %zu in them\n", beside, now.heap_held);
    CHECK(now.mappings == 0 && beside <= 8 * MIB);
    return 0;
}
