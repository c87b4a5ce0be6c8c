// The first byte of a block of no bytes is written to.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(opaque((size_t)0));
    *(volatile char *)opaque(p) = 'x';
    free(p);
    return survived();
}
