// Blocks of no bytes are like any other block, but have no byte: each has an address of its own, which free, realloc
// and malloc_usable_size accept.
// env: METES_OPTIONS=checks=full
#include "include/guard.h"
#include <malloc.h>

enum { COUNT = 400 };

static void *make(int how) {
    switch (how % 4) {
    case 0: return malloc(opaque((size_t)0));
    case 1: return calloc(0, 8);
    case 2: return realloc(NULL, 0);
    default: return aligned_alloc(64, 0);
    }
}

int main(void) {
    static char *blocks[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            CHECK((blocks[i] = make(i)));
            CHECK(malloc_usable_size(blocks[i]) == 0 && (uintptr_t)blocks[i] % 16 == 0);
            CHECK(i % 4 != 3 || (uintptr_t)blocks[i] % 64 == 0);
            for (int k = 0; k < i; k++) CHECK(blocks[k] != blocks[i]);
        }
        for (int i = 0; i < COUNT; i++) {
            switch (i % 3) {
            case 0: free(blocks[i]); break;
            case 1: CHECK(!realloc(blocks[i], 0)); break;
            default:
                CHECK((blocks[i] = realloc(blocks[i], 10)));
                memset(blocks[i], 1, 10);
                free(blocks[i]);
            }
        }
    }
    return 0;
}
