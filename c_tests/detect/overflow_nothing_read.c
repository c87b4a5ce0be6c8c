// The first byte of a block of no bytes is read.
// default: silent
// full: SIGSEGV metes: M015 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(opaque((size_t)0));
    volatile char c = *(volatile char *)opaque(p);
    (void)c;
    free(p);
    return survived();
}
