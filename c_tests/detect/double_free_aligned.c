// A block of posix_memalign is freed twice.
// default: SIGABRT metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    void *p = NULL;
    CHECK(posix_memalign(&p, 64, 100) == 0);
    free(p);
    free(opaque(p));
    return survived();
}
