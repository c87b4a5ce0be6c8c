// Each aligned block counts once, also where slabs of other sizes offer blocks that are not aligned and metes serves
// others instead.
// env: METES_OPTIONS=decay_ms=0
#include "check.h"

#include "sparse.h"
#include "statistics.h"

enum { COUNT = 2000 };
static void *blocks[COUNT];

int main(void) {
    uint64_t random = 88172645463325252u;
    make_sparse(&random);
    free(block_among_sparse(310));
    malloc_trim(0);
    struct metes_stats before = statistics();
    for (size_t i = 0; i < COUNT; i++) CHECK((blocks[i] = aligned_alloc(64, 320)) && (uintptr_t)blocks[i] % 64 == 0);
    struct metes_stats now = statistics();
    CHECK(now.aligned_calls - before.aligned_calls == COUNT);
    CHECK(now.malloc_calls == before.malloc_calls && now.free_calls == before.free_calls);
    for (size_t i = 0; i < COUNT; i++) free(blocks[i]);
    now = statistics();
    CHECK(now.malloc_calls == before.malloc_calls && now.free_calls - before.free_calls == COUNT);
    CHECK(now.heap_live == before.heap_live);
    check_heap();
    return 0;
}
