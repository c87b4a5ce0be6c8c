// Ten thousand heaps at once, one for each connection of a server, say: little memory for each, and all of it goes back.
#include "include/heaps.h"

enum { HEAPS = 10000 };

static struct metes_heap *heaps[HEAPS];

static size_t resident(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages, all;
    CHECK(file != NULL && fscanf(file, "%zu %zu", &all, &pages) == 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

int main(void) {
    size_t before = resident();
    for (int i = 0; i < HEAPS; i++) {
        CHECK((heaps[i] = metes_heap_new(NULL)) != NULL);
    }
    CHECK(resident() - before < HEAPS * (size_t)1500);
    for (int i = 0; i < HEAPS; i++) {
        char *block = metes_heap_malloc(heaps[i], 100);
        CHECK(block != NULL && metes_heap_of(block) == heaps[i]);
        memset(block, i, 100);
    }
    CHECK(resident() - before < HEAPS * (size_t)(16 << 10));
    CHECK(metes_check() == NULL);
    for (int i = 0; i < HEAPS; i++) {
        metes_heap_destroy(heaps[i]);
    }
    metes_purge();
    CHECK(resident() - before < HEAPS * (size_t)4000);
    return 0;
}
