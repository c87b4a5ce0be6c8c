// A block is written to past its end, and then grown.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(64);
    memset(opaque(p), 'x', 66);
    p = realloc(opaque(p), 5000);
    free(p);
    return survived();
}
