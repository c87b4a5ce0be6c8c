// Blocks of two heaps and of malloc never share a page, and what a new heap gets of a destroyed one is zero.
#include "include/heaps.h"

enum { BLOCKS = 500 };

int main(void) {
    struct metes_heap *first = heap_named("first"), *second = heap_named("second");
    uintptr_t pages[3][BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = 16 + (size_t)i;
        char *of_first = metes_heap_malloc(first, size), *of_second = metes_heap_malloc(second, size), *other = malloc(size);
        CHECK(metes_heap_of(of_first) == first && metes_heap_of(of_second) == second && metes_heap_of(other) == NULL);
        pages[0][i] = (uintptr_t)of_first / 4096;
        pages[1][i] = (uintptr_t)of_second / 4096;
        pages[2][i] = (uintptr_t)other / 4096;
        memset(of_first, 0xff, size);
    }
    for (int i = 0; i < BLOCKS; i++) {
        for (int k = 0; k < BLOCKS; k++) {
            CHECK(pages[0][i] != pages[1][k] && pages[0][i] != pages[2][k] && pages[1][i] != pages[2][k]);
        }
    }
    metes_heap_destroy(first);
    for (int round = 0; round < 100; round++) {
        struct metes_heap *heap = heap_named("next");
        for (int i = 0; i < BLOCKS; i++) {
            char *zero = metes_heap_calloc(heap, 1, 16 + (size_t)i);
            for (int k = 0; k < 16 + i; k++) {
                CHECK(zero[k] == 0);
            }
            memset(zero, 0xff, 16 + (size_t)i);
        }
        HEAP_OK(heap);
        metes_heap_destroy(heap);
    }
    HEAP_OK(second);
    return 0;
}
