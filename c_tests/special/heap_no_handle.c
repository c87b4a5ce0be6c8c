// What is no handle of a heap is used as one.
// stderr: metes: M004 foreign pointer: metes_heap_malloc: 0x[0-9a-f]+ is no handle of a heap
// exit: SIGABRT
#include "include/heaps.h"

int main(void) {
    static int object;
    CHECK(metes_heap_malloc((struct metes_heap *)&object, 100) == NULL);
    return 0;
}
