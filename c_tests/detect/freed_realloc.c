// A freed block is passed to realloc.
// default: SIGABRT metes: M002 freed pointer: realloc\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// full: SIGABRT metes: M002 .*
// trailers: SIGABRT metes: M002 .*
// guard: SIGABRT metes: M002 .*
// debug: SIGABRT metes: M002 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    opaque(realloc(opaque(p), 200));
    return survived();
}
