// A block is written to past its end, into one that is free.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M0(08|09|10) .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *b[16];
    for (int i = 0; i < 16; i++) b[i] = malloc(64);
    free(b[9]);
    memset(opaque(b[8]), 'x', 64 + 32);
    for (int i = 0; i < 16; i++)
        if (i != 9) free(b[i]);
    return survived();
}
