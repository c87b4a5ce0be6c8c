// A freed block is read.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: silent
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    memset(p, 'x', 100);
    free(p);
    opaque(opaque(p)[50]);
    return survived();
}
