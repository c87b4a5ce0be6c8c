// Memcheck knows each object of a pool: an overrun inside a slab, a use after the free, what was not written, and what is lost.
// ways: memcheck
// exit: 9
// stderr: Invalid write of size 1
// detail: Address 0x.* is 0 bytes after a block of size 40 client-defined$
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// stderr: Invalid read of size 1
// detail: Address 0x.* is 4 bytes inside a block of size 40 free'd$
// stderr: 24 bytes in 1 blocks are definitely lost in loss record [0-9]+ of [0-9]+
#include "check.h"
#include "metes.h"

// Without metes when it is linked: found when it runs.
#define FIND(name) __typeof__(name) *name##_ = (__typeof__(name) *)(uintptr_t)dlsym(RTLD_DEFAULT, #name)

static volatile int sink;
static struct metes_pool *volatile kept;

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

static int construct(void *object, void *argument) {
    (void)argument;
    memset(object, 1, 40);
    return 0;
}

__attribute__((noinline)) static void lose(struct metes_pool *pool, typeof(metes_pool_alloc) *alloc) {
    alloc(pool);
    alloc(pool);
}

int main(void) {
    FIND(metes_pool_new);
    FIND(metes_pool_alloc);
    FIND(metes_pool_free);
    FIND(metes_pool_trim);
    FIND(metes_pool_reset);
    FIND(metes_pool_destroy);
    struct metes_pool *pool = metes_pool_new_(40, NULL);
    // What is at the very start of a slab memcheck takes for a part of its chunk.
    char *first = metes_pool_alloc_(pool), *p = metes_pool_alloc_(pool), *q = metes_pool_alloc_(pool);
    memset(first, 1, 40);
    metes_pool_free_(pool, first);
    opaque(p)[40] = 1;
    branch(p + 3);
    memset(q, 1, 40);
    metes_pool_free_(pool, p);
    sink += *(volatile char *)(p + 4);
    metes_pool_free_(pool, q);
    metes_pool_trim_(pool);
    p = metes_pool_alloc_(pool);
    memset(p, 1, 40);
    branch(p + 39);
    metes_pool_reset_(pool);
    metes_pool_destroy_(pool);

    // What was constructed is written.
    struct metes_pool_options options = {.size = sizeof options, .construct = construct};
    pool = metes_pool_new_(40, &options);
    p = metes_pool_alloc_(pool);
    branch(p + 39);
    metes_pool_free_(pool, p);
    metes_pool_destroy_(pool);

    kept = metes_pool_new_(24, NULL);
    lose(kept, metes_pool_alloc_);
    return 0;
}
