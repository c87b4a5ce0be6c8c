// 16 bytes too much are written, from a length that was rounded up.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(112);
    memset(opaque(p), 'x', 128);
    free(p);
    return survived();
}
