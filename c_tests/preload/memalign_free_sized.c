// Blocks of memalign and aligned_alloc, of no bytes too, are given back by the sized frees, or by free where there
// are none.
#include "check.h"

int main(void) {
    served_by_metes();
    for (size_t alignment = 16; alignment <= MIB; alignment *= 2)
        for (int i = 0; i < 6; i++) {
            static const size_t sizes[] = {0, 1, 100, 5000, 70000, 2 * MIB};
            size_t size = sizes[i];
            unsigned char *p = memalign(alignment, size), *q = aligned_alloc(alignment, size);
            CHECK(p && q && p != q && is_aligned(p, alignment) && is_aligned(q, alignment));
            memset(p, 1, size);
            memset(q, 2, size);
            CHECK(all_bytes_are(p, size, 1));
            void (*sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
            void (*aligned_sized)(void *, size_t, size_t) =
                (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
            if (aligned_sized)
                aligned_sized(q, alignment, size);
            else
                free(q);
            if (sized)
                sized(p, size);
            else
                free(p);
        }
    check_heap();
    return 0;
}
