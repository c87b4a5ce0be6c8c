// A freed block is passed to malloc_usable_size.
// default: SIGABRT metes: M002 freed pointer: malloc_usable_size\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// full: SIGABRT metes: M002 .*
// trailers: SIGABRT metes: M002 .*
// guard: SIGABRT metes: M002 .*
// debug: SIGABRT metes: M002 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    opaque(malloc_usable_size(opaque(p)));
    return survived();
}
