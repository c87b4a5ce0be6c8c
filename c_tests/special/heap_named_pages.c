// Where the kernel names pages, /proc/self/maps tells a heap's by its name, until it is destroyed; elsewhere nothing is different.
#include "include/heaps.h"
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static int maps_have(const char *text) {
    static char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int found = 0;
    while (fgets(line, sizeof line, maps)) {
        found |= strstr(line, text) != NULL;
    }
    fclose(maps);
    return found;
}

int main(void) {
    void *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int named = prctl(PR_SET_VMA, 0, (unsigned long)page, 65536ul, (unsigned long)"probe") == 0;
    printf("the kernel %s pages\n", named ? "names" : "does not name");
    struct metes_heap *heap = heap_named("re[que]st");
    CHECK(metes_heap_malloc(heap, 100) != NULL);
    CHECK(maps_have("[anon:metes heap re_que_st]") == named);
    HEAP_OK(heap);
    metes_heap_destroy(heap);
    CHECK(!maps_have("metes heap"));
    struct metes_heap *other = heap_named("");
    CHECK(metes_heap_malloc(other, 100) != NULL && !maps_have("metes heap"));
    metes_heap_destroy(other);
    return 0;
}
