// A shared pool: objects are handed from thread to thread, and every one is out once.
// libs: -pthread
#include "check.h"
#include "metes.h"
#include <pthread.h>

#define THREADS 4
#define SLOTS 512
#define STEPS 50000

static struct metes_pool *pool;
static _Atomic(long *) slots[SLOTS];

static void *work(void *argument) {
    unsigned long state = (unsigned long)argument;
    for (int step = 0; step < STEPS; step++) {
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        long *mine = metes_pool_alloc(pool);
        CHECK(mine);
        *mine = (long)mine;
        long *other = __atomic_exchange_n(&slots[state >> 55], mine, __ATOMIC_ACQ_REL);
        if (!other) continue;
        CHECK(*other == (long)other);
        *other = 0;
        metes_pool_free(pool, other);
        if (step % 10000 == 0) metes_pool_trim(pool);
    }
    return NULL;
}

static int count(void *object, void *argument) {
    CHECK(*(long *)object == (long)object);
    ++*(size_t *)argument;
    return 0;
}

int main(void) {
    struct metes_pool_options options = {.size = sizeof options, .shared = 1};
    pool = metes_pool_new(64, &options);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    size_t seen = 0;
    metes_pool_for_each(pool, count, &seen);
    CHECK(seen == metes_pool_count(pool) && seen <= SLOTS);
    CHECK(metes_pool_check(pool) == NULL);
    metes_pool_destroy(pool);
    check_heap();
    return 0;
}
