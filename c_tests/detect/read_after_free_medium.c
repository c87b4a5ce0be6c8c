// A freed block of 100 KiB is read.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGSEGV metes: M014 .*
// guard: silent
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    memset(p, 'x', 100 * KIB);
    free(p);
    opaque(opaque(p)[50 * KIB]);
    return survived();
}
