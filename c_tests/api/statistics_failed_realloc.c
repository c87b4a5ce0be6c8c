// metes_stats does not count a realloc that fails, whatever the kind of block. The block stays as it was.
#include "check.h"

#include <sys/resource.h>

#include "statistics.h"

int main(void) {
    static const size_t sizes[] = {16, 1000, 50000, 4 * MIB};
    struct rlimit limit = {64 * MIB, 64 * MIB};
    void *blocks[4];
    served_by_metes();
    for (int i = 0; i < 4; i++) {
        CHECK((blocks[i] = malloc(sizes[i])));
        fill(blocks[i], 0, sizes[i], 1);
    }
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    struct metes_stats before = statistics();
    for (int i = 0; i < 4; i++) {
        CHECK(realloc(blocks[i], 100 * MIB) == NULL && errno == ENOMEM);
        CHECK(realloc(blocks[i], opaque(SIZE_MAX)) == NULL && errno == ENOMEM);
        CHECK(reallocarray(blocks[i], opaque(SIZE_MAX), 2) == NULL && errno == ENOMEM);
        CHECK(holds(blocks[i], 0, sizes[i], 1));
    }
    struct metes_stats after = statistics();
    CHECK(after.heap_live == before.heap_live && after.mappings == before.mappings);
    CHECK(after.malloc_calls == before.malloc_calls && after.free_calls == before.free_calls);
    CHECK(after.realloc_calls == before.realloc_calls);
    for (int i = 0; i < 4; i++) free(blocks[i]);
    check_heap();
    return 0;
}
