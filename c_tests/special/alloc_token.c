// Clang's allocation tokens: blocks for types without pointers share no unit of 64 KiB with others, whichever function asks; any free takes them.
#include "check.h"
#include <metes.h>

typedef size_t token_t;
void *__alloc_token_malloc(size_t, token_t);
void *__alloc_token_calloc(size_t, size_t, token_t);
void *__alloc_token_realloc(void *, size_t, token_t);
void *__alloc_token_reallocarray(void *, size_t, size_t, token_t);
int __alloc_token_posix_memalign(void **, size_t, size_t, token_t);
void *__alloc_token_aligned_alloc(size_t, size_t, token_t);
void *__alloc_token_memalign(size_t, size_t, token_t);
void *__alloc_token_valloc(size_t, token_t);
void *__alloc_token_pvalloc(size_t, token_t);
void *__alloc_token_0_malloc(size_t);
void *__alloc_token_1_malloc(size_t);
void *__alloc_token_0_calloc(size_t, size_t);
void *__alloc_token_1_realloc(void *, size_t);

enum { ROUNDS = 3000, CALLS = 9 };

static const token_t tokens[] = {0, 12345, 1, ~(size_t)0, (size_t)1 << 63};

static void *ask(int call, size_t bytes, token_t token) {
    void *p = NULL;
    switch (call) {
    case 0: return __alloc_token_malloc(bytes, token);
    case 1: return __alloc_token_calloc(bytes, 1, token);
    case 2: return __alloc_token_realloc(NULL, bytes, token);
    case 3: return __alloc_token_reallocarray(NULL, 1, bytes, token);
    case 4: CHECK(__alloc_token_posix_memalign(&p, 64, bytes, token) == 0); return p;
    case 5: return __alloc_token_aligned_alloc(32, bytes, token);
    case 6: return __alloc_token_memalign(128, bytes, token);
    case 7: return __alloc_token_valloc(bytes, token);
    default: return __alloc_token_pvalloc(bytes, token);
    }
}

static int has_no_pointers(void *p) {
    return metes_heap_of(p) != NULL;
}

int main(void) {
    static char *blocks[ROUNDS];
    static int kinds[ROUNDS];
    uint64_t random = 1;
    for (int i = 0; i < ROUNDS; i++) {
        int call = i % CALLS, kind = (i / CALLS) % 5;
        size_t bytes = 1 + next_random(&random) % 3000;
        blocks[i] = ask(call, bytes, tokens[kind]);
        CHECK(blocks[i] != NULL && malloc_usable_size(blocks[i]) >= bytes);
        kinds[i] = kind < 2;
        CHECK(has_no_pointers(blocks[i]) == kinds[i]);
        if (call == 1) {
            for (size_t j = 0; j < bytes; j++) CHECK(blocks[i][j] == 0);
        }
        memset(blocks[i], 0xee, bytes);
    }
    CHECK(metes_check() == NULL);
    for (int i = 0; i < ROUNDS; i += 3) {
        blocks[i] = __alloc_token_realloc(blocks[i], 5000, tokens[i % 5]);
        CHECK(blocks[i] != NULL && has_no_pointers(blocks[i]) == kinds[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        free(blocks[i]);
    }
    CHECK(metes_check() == NULL);
    CHECK(has_no_pointers(__alloc_token_0_malloc(10)) && !has_no_pointers(__alloc_token_1_malloc(10)));
    CHECK(has_no_pointers(__alloc_token_0_calloc(10, 10)) && !has_no_pointers(__alloc_token_1_realloc(NULL, 10)));

    // What is wrong is what it is without a token, and errno stays where nothing is.
    void *p = blocks;
    errno = 0;
    CHECK(__alloc_token_posix_memalign(&p, 3, 10, 0) == EINVAL && p == blocks);
    CHECK(__alloc_token_aligned_alloc(3, 10, 0) == NULL && errno == EINVAL);
    CHECK(__alloc_token_malloc((size_t)-1, 0) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(__alloc_token_calloc((size_t)1 << 40, (size_t)1 << 40, 0) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(__alloc_token_reallocarray(NULL, (size_t)1 << 40, (size_t)1 << 40, 0) == NULL && errno == ENOMEM);
    p = __alloc_token_malloc(0, 0);
    CHECK(p != NULL && __alloc_token_realloc(p, 0, 0) == NULL);
    CHECK(metes_check() == NULL);
    return 0;
}
