// A freed block is zeroed.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    memset(opaque(p), 0, 100);
    return survived();
}
