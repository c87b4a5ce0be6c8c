// Sizes that can never be served: NULL and ENOMEM from every entry, also where
// rounding the size up would overflow.

#include "check.h"

#define FAILS(call)                                                                                \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK((call) == NULL && errno == ENOMEM);                                                  \
    } while (0)

static void every_entry_fails(size_t size) {
    FAILS(malloc(size));
    FAILS(calloc(1, size));
    FAILS(calloc(size, 1));
    FAILS(realloc(NULL, size));
    FAILS(reallocarray(NULL, 1, size));
    FAILS(reallocarray(NULL, size, 1));
    FAILS(valloc(size));
    FAILS(pvalloc(size));
    for (size_t alignment = 8; alignment <= 64 * MIB; alignment *= 8) {
        FAILS(memalign(alignment, size));
        FAILS(aligned_alloc(alignment, size));
        // The pointer does not change. errno equals the returned value, as with glibc.
        void *untouched = &untouched;
        errno = EXDEV;
        CHECK(posix_memalign(&untouched, alignment, size) == ENOMEM);
        CHECK(untouched == &untouched);
        CHECK(errno == ENOMEM);
    }
}

static void a_failed_realloc_keeps_the_block(size_t kept, size_t size) {
    void *block = malloc(kept);
    CHECK(block);
    fill(block, 0, kept, 7);
    FAILS(realloc(block, size));
    FAILS(reallocarray(block, size, 1));
    FAILS(reallocarray(block, opaque(SIZE_MAX / 2 + 2), 2));
    CHECK(malloc_usable_size(block) >= kept && holds(block, 0, kept, 7));
    free(block);
}

static void overflowing_products_fail(void) {
    size_t half = opaque((size_t)1 << 32), all = opaque(SIZE_MAX);
    FAILS(calloc(half, half));
    FAILS(calloc(half, half + 1)); // wraps round to a size that would do
    FAILS(calloc(all / 16 + 2, 16));
    FAILS(calloc(3, all / 2));
    FAILS(calloc(all, all));
    FAILS(reallocarray(NULL, half, half));
    FAILS(reallocarray(NULL, half, half + 1));
    FAILS(reallocarray(NULL, all, all));
}

int main(void) {
    served_by_metes();
    size_t sizes[] = {SIZE_MAX,       SIZE_MAX - 1,         SIZE_MAX - 15,
                      SIZE_MAX - 16,  SIZE_MAX - 31,        SIZE_MAX - 4095,
                      SIZE_MAX - 4096, SIZE_MAX - 65536,    SIZE_MAX - 64 * MIB,
                      SIZE_MAX / 2 + 2, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX,
                      PTRDIFF_MAX - 8, PTRDIFF_MAX - 4096,  (size_t)1 << 62};
    size_t kept[] = {1, 100, 5000, 100 * KIB, 5 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        every_entry_fails(opaque(sizes[i]));
        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++)
            a_failed_realloc_keeps_the_block(kept[k], opaque(sizes[i]));
    }
    overflowing_products_fail();
    check_heap();
}
