// C23's free_sized and free_aligned_sized, called with the size and alignment that were asked for.

#include "check.h"

int main(void) {
    served_by_metes();
    if (!is_metes() && !free_sized)
        return 0;
    CHECK(free_sized && free_aligned_sized);
    size_t sizes[] = {0,   1,        15,       16,       17,        100,       1000,
                      4096, 20 * KIB, 64 * KIB, 100 * KIB, 300 * KIB, 1 * MIB, 40 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        errno = EXDEV;
        free_sized(malloc(size), size);
        free_sized(calloc(1, size), size);
        free_sized(realloc(malloc(50), size + 1), size + 1);
        for (size_t alignment = 8; alignment <= 4 * MIB; alignment *= 4)
            free_aligned_sized(aligned_alloc(alignment, size), alignment, size);
        CHECK(errno == EXDEV);
    }
    free_sized(NULL, 0);
    free_sized(NULL, 100);
    free_aligned_sized(NULL, 64, 0);
    free_aligned_sized(NULL, 64, 100);
    check_heap();
}
