// env: METES_OPTIONS=guard=1
#include "include/guard.h"

int main(void) {
    for (size_t from = 1; from < 20000; from = from * 3 / 2 + 1) {
        for (size_t to = 1; to < 40000; to = to * 2 + 1) {
            char *p = malloc(from);
            memset(p, 5, from);
            p = realloc(p, to);
            CHECK(p && malloc_usable_size(p) >= to);
            for (size_t i = 0; i < from && i < to; i++) CHECK(p[i] == 5);
            memset(p, 6, to);
            free(p);
        }
    }
    char *p = guarded(100), *q = realloc(p, 100);
    memset(q, 1, 100);
    CHECK(realloc(q, 0) == NULL);
    for (size_t align = 16; align <= 65536; align *= 2) {
        for (size_t size = 1; size < 20000; size = size * 2 + 1) {
            void *r = NULL;
            CHECK(posix_memalign(&r, align, size) == 0 && (uintptr_t)r % align == 0);
            memset(r, 3, size);
            CHECK(malloc_usable_size(r) >= size);
            if (align <= 4096 && size <= 16384) CHECK(malloc_usable_size(r) == size);
            free(r);
        }
    }
    CHECK(malloc_usable_size(p = malloc(0)) <= 16);
    free(p);
    check_whole();
    return 0;
}
