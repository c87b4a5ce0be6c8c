// Serves every size up to 20,000 bytes, and the sizes around each change of the way of serving. Blocks are aligned
// and wholly usable and do not overlap, and realloc keeps the contents in both directions.
#include "check.h"

#include <malloc.h>

static void serve(size_t size) {
    unsigned char *p = malloc(size), *q = malloc(size);
    CHECK(p && q && p != q);
    CHECK((uintptr_t)p % 16 == 0 && (uintptr_t)q % 16 == 0);
    size_t usable = malloc_usable_size(p);
    CHECK(usable >= size && usable <= size + size / 4 + 64);
    memset(p, 0xa5, usable);
    memset(q, 0x5a, malloc_usable_size(q));
    CHECK(all_bytes_are((char *)p, usable, 0xa5));
    p = realloc(p, size + size / 2 + 1);
    CHECK(p && all_bytes_are((char *)p, usable < size + size / 2 + 1 ? usable : size + size / 2 + 1, 0xa5));
    p = realloc(p, size / 3 + 1);
    CHECK(p && all_bytes_are((char *)p, size / 3 + 1, 0xa5));
    CHECK(all_bytes_are((char *)q, size, 0x5a));
    free(p);
    free(q);
}

int main(void) {
    for (size_t size = 0; size <= 20000; size++) serve(size);
    size_t around[] = {32768, 40960, 65536, 131072, 229376, 262144, 524288, 1 << 20, 32 << 20};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++)
        for (size_t size = around[i] - 20; size <= around[i] + 20; size++) serve(size);
    check_heap();
    return 0;
}
