// A KiB too much is written.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M0(08|09|10) .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *b[32];
    for (int i = 0; i < 32; i++) b[i] = malloc(112);
    memset(opaque(b[8]), 'x', 112 + 1024);
    for (int i = 0; i < 32; i++) free(b[i]);
    return survived();
}
