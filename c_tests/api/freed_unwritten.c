// Freeing a block that was never written to is not a double free, whichever function handed it out and whatever the
// memory held before.
#include "check.h"

#include <malloc.h>

static void *another(int how, size_t size) {
    void *p = NULL;
    switch (how) {
    case 0: return malloc(size);
    case 1: return calloc(1, size);
    case 2: return realloc(NULL, size);
    case 3: return realloc(malloc(size / 2 + 1), size);
    case 4: return realloc(malloc(2 * size + 1), size);
    case 5: return aligned_alloc(64, size);
    default: return posix_memalign(&p, 32, size) ? NULL : p;
    }
}

int main(void) {
    enum { MANY = 300 };
    static void *blocks[MANY];
    for (size_t size = 1; size < 300000; size += size / 3 + 1)
        for (int how = 0; how < 7; how++)
            for (int round = 0; round < 3; round++) {
                int many = size < 5000 ? MANY : 10;
                for (int i = 0; i < many; i++) CHECK((blocks[i] = another(how, size)));
                for (int i = 0; i < many; i++) free(blocks[i]);
                if (round == 1) malloc_trim(0);
            }
    check_heap();
    return 0;
}
