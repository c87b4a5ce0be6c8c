// A pointer 16 bytes into a block is passed to realloc.
// default: SIGABRT metes: M003 interior pointer: realloc\(0x[0-9a-f]+\): 16 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    opaque(realloc(opaque(p + 16), 200));
    return survived();
}
