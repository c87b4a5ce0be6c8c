// A block is made smaller by realloc, and written to as if it had its old size.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    p = realloc(opaque(p), 90);
    memset(opaque(p), 'x', 100);
    free(p);
    return survived();
}
