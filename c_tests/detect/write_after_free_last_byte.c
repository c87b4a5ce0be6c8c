// The last byte of a freed block is written to.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    opaque(p)[99] = 'x';
    return survived();
}
