// A library preloaded before metes has an mmap, munmap, madvise and mprotect that allocate.
// shared: mmap_mallocs.c
// preload-also: mmap_mallocs first
#include "check.h"

#include "include/life.h"

int main(void) {
    served_by_metes();
    for (unsigned i = 0; i < 50; i++) life(i);
    malloc_trim(0);
    // Enough for more regions and more mappings.
    static void *blocks[2000];
    for (int i = 0; i < 2000; i++) CHECK((blocks[i] = malloc(20000 + (i % 100 == 0) * 3 * MIB)));
    for (int i = 0; i < 2000; i++) free(blocks[i]);
    check_heap();
    return 0;
}
