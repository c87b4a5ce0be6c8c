// A byte in the middle of a freed block of 100 KiB is written to.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGSEGV metes: M014 .*
// guard: silent
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    free(p);
    opaque(p)[50 * KIB] = 'x';
    return survived();
}
