// How each aligned entry treats an invalid alignment.

#include "check.h"

static void posix_memalign_is_strict(void) {
    size_t wrong[] = {0, 1, 2, 4, 3, 7, 12, 24, 100, 4095, SIZE_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        void *untouched = &untouched;
        errno = EXDEV;
        CHECK(posix_memalign(&untouched, opaque(wrong[i]), 100) == EINVAL);
        CHECK(untouched == &untouched && errno == EXDEV);
    }
    void *block = NULL;
    CHECK(posix_memalign(&block, sizeof(void *), 100) == 0);
    CHECK(block && is_aligned(block, sizeof(void *)));
    free(block);
}

static void aligned_alloc_is_strict(void) {
    // glibc rounded the alignment up until 2.37.
    if (!is_metes())
        return;
    size_t wrong[] = {0, 3, 7, 12, 24, 100, 4095, SIZE_MAX, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        errno = 0;
        CHECK(aligned_alloc(opaque(wrong[i]), 100) == NULL && errno == EINVAL);
    }
}

// C17 dropped the demand that the size be a multiple of the alignment.
static void aligned_alloc_takes_any_size(void) {
    size_t sizes[] = {0, 1, 63, 65, 100, 4097};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = aligned_alloc(64, opaque(sizes[i]));
        CHECK(block && is_aligned(block, 64) && malloc_usable_size(block) >= sizes[i]);
        free(block);
    }
}

static void memalign_rounds_up(void) {
    size_t asked[] = {0, 1, 3, 17, 24, 33, 100, 1000, 4097, 100000};
    size_t meant[] = {1, 1, 4, 32, 32, 64, 128, 1024, 8192, 131072};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        void *block = memalign(opaque(asked[i]), 50);
        CHECK(block && is_aligned(block, meant[i]) && is_aligned(block, 16));
        memset(block, 1, 50);
        free(block);
    }
    // No power of two is as large.
    errno = 0;
    CHECK(memalign(opaque(SIZE_MAX / 2 + 2), 50) == NULL && errno == EINVAL);
    CHECK(memalign(opaque(SIZE_MAX), 50) == NULL && errno == EINVAL);
    // This is a power of two, but no address has that alignment.
    CHECK(memalign(opaque(SIZE_MAX / 2 + 1), 50) == NULL && errno == ENOMEM);
}

int main(void) {
    served_by_metes();
    posix_memalign_is_strict();
    aligned_alloc_is_strict();
    aligned_alloc_takes_any_size();
    memalign_rounds_up();
    check_heap();
}
