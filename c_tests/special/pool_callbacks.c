// An object is constructed when its slab is made, stays so while it is free, and is destructed when the slab goes.
#include "check.h"
#include "metes.h"

static long made, refuse_at = -1;

static int construct(void *object, void *argument) {
    CHECK(argument == &made);
    if (made == refuse_at) return 1;
    made++;
    *(long *)object = 12345;
    return 0;
}

static void destruct(void *object, void *argument) {
    CHECK(argument == &made);
    CHECK(*(long *)object == 12345);
    made--;
}

int main(void) {
    struct metes_pool_options options = {sizeof options, 0, 0, 100, 0, construct, destruct, &made};
    struct metes_pool_stats stats;
    struct metes_pool *pool = metes_pool_new(sizeof(long[8]), &options);
    metes_pool_stats(pool, &stats, sizeof stats);
    CHECK(made == (long)stats.slab_objects && stats.slabs == 1);
    for (int i = 0; i < 3000; i++) CHECK(*(long *)metes_pool_alloc(pool) == 12345);
    metes_pool_stats(pool, &stats, sizeof stats);
    CHECK(made == (long)(stats.slabs * stats.slab_objects));
    metes_pool_reset(pool);
    CHECK(made == (long)(stats.slabs * stats.slab_objects));
    CHECK(*(long *)metes_pool_alloc(pool) == 12345);
    metes_pool_reset(pool);
    metes_pool_trim(pool);
    CHECK(made == 0);
    // What was constructed of the slab is destructed.
    refuse_at = 5;
    errno = 0;
    CHECK(!metes_pool_alloc(pool) && errno == ENOMEM && made == 0);
    CHECK(metes_pool_check(pool) == NULL);
    refuse_at = -1;
    CHECK(metes_pool_alloc(pool));
    metes_pool_destroy(pool);
    CHECK(made == 0);
    // No pool without what is to be ready.
    refuse_at = 5;
    CHECK(!metes_pool_new(sizeof(long[8]), &options) && errno == ENOMEM && made == 0);
    check_heap();
    return 0;
}
