// A block is freed by the main thread, and then by another.
// cflags: -pthread
// default: SIGABRT metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/thread.h"

int main(void) {
    other_thread other;
    start_other(&other);
    char *p = malloc(100);
    free(p);
    other_does(&other, free, opaque(p));
    return survived();
}
