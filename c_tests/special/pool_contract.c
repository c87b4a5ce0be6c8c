// What a pool promises: the lowest free object first, its alignment, the limit, visits in order, and what goes back.
// ways: so a
#include "check.h"
#include "metes.h"

#define N 3000

static void *all[N];

static int by_address(const void *a, const void *b) {
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

struct visit {
    struct metes_pool *pool;
    int seen, stop, freeing;
};

static int visit(void *object, void *argument) {
    struct visit *visit = argument;
    CHECK(object == all[visit->seen]);
    CHECK(metes_pool_owns(visit->pool, object));
    visit->seen++;
    if (visit->freeing) metes_pool_free(visit->pool, object);
    return visit->seen == visit->stop ? 42 : 0;
}

static void take_all(struct metes_pool *pool) {
    for (int i = 0; i < N; i++) {
        all[i] = metes_pool_alloc(pool);
        CHECK(all[i] && metes_pool_count(pool) == (size_t)i + 1);
        memset(all[i], i, 40);
    }
    CHECK(metes_pool_check(pool) == NULL);
    qsort(all, N, sizeof *all, by_address);
}

static void lowest_first(struct metes_pool *pool) {
    take_all(pool);
    metes_pool_free(pool, all[2000]);
    metes_pool_free(pool, all[17]);
    metes_pool_free(pool, all[2999]);
    metes_pool_free(pool, all[18]);
    CHECK(metes_pool_check(pool) == NULL);
    CHECK(!metes_pool_owns(pool, all[17]) && !metes_pool_owns(pool, (char *)all[20] + 1) && !metes_pool_owns(pool, &pool));
    CHECK(metes_pool_alloc(pool) == all[17] && metes_pool_alloc(pool) == all[18]);
    CHECK(metes_pool_alloc(pool) == all[2000] && metes_pool_alloc(pool) == all[2999]);
    // Nothing was ever written to a free one.
    CHECK(*(unsigned char *)all[17] == *((unsigned char *)all[17] + 39));
}

static void visits(struct metes_pool *pool) {
    struct visit some = {pool, 0, 7, 0}, every = {pool, 0, -1, 1};
    CHECK(metes_pool_for_each(pool, visit, &some) == 42 && some.seen == 7);
    CHECK(metes_pool_for_each(pool, visit, &every) == 0 && every.seen == N);
    CHECK(metes_pool_count(pool) == 0 && metes_pool_check(pool) == NULL);
}

static void goes_back(struct metes_pool *pool) {
    struct metes_pool_stats stats;
    take_all(pool);
    CHECK(metes_pool_stats(pool, &stats, sizeof stats) == sizeof stats);
    CHECK(stats.live == N && stats.object_bytes == 40 && stats.stride == 40 && stats.align == 8);
    CHECK(stats.live + stats.free == stats.slabs * stats.slab_objects);
    for (int i = 1; i < N; i++) metes_pool_free(pool, all[i]);
    CHECK(metes_pool_trim(pool) == stats.bytes / stats.slabs * (stats.slabs - 1));
    CHECK(metes_pool_owns(pool, all[0]) && !metes_pool_owns(pool, all[N - 1]));
    metes_pool_reset(pool);
    CHECK(metes_pool_count(pool) == 0 && !metes_pool_owns(pool, all[0]) && metes_pool_check(pool) == NULL);
    CHECK(metes_pool_alloc(pool) == all[0]);
    // Of a smaller struct only that is written.
    stats.free = 12345;
    CHECK(metes_pool_stats(pool, &stats, sizeof stats.live) == sizeof stats.live);
    CHECK(stats.live == 1 && stats.free == 12345);
    metes_pool_free(pool, NULL);
    metes_pool_reset(pool);
    metes_pool_trim(pool);
}

static void limited(void) {
    struct metes_pool_options options = {.size = sizeof options, .align = 64, .limit = 10, .reserve = 10};
    struct metes_pool *pool = metes_pool_new(1, &options);
    struct metes_pool_stats stats;
    metes_pool_stats(pool, &stats, sizeof stats);
    CHECK(stats.free >= 10 && stats.stride == 64 && stats.bytes <= 4096);
    for (int i = 0; i < 10; i++) {
        all[i] = metes_pool_alloc(pool);
        CHECK(all[i] && (uintptr_t)all[i] % 64 == 0);
    }
    errno = 0;
    CHECK(!metes_pool_alloc(pool) && errno == ENOMEM);
    metes_pool_free(pool, all[3]);
    CHECK(metes_pool_alloc(pool) == all[3] && metes_pool_check(pool) == NULL);
    metes_pool_destroy(pool);
}

static void of_every_size(void) {
    for (size_t bytes = 0; bytes < 100000; bytes = bytes < 100 ? bytes + 1 : bytes * 3 / 2) {
        struct metes_pool *pool = metes_pool_new(bytes, NULL);
        for (int i = 0; i < 50; i++) {
            char *object = metes_pool_alloc(pool);
            CHECK(object);
            memset(object, i, bytes);
        }
        CHECK(metes_pool_check(pool) == NULL);
        metes_pool_destroy(pool);
    }
}

int main(void) {
    struct metes_pool *pool = metes_pool_new(40, NULL);
    CHECK(pool);
    lowest_first(pool);
    visits(pool);
    goes_back(pool);
    metes_pool_destroy(pool);
    metes_pool_destroy(NULL);
    limited();
    of_every_size();
    check_heap();
    return 0;
}
