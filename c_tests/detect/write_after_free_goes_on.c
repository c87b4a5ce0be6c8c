// A freed block is written to. The program then goes on allocating for long, so that the write can be found before
// the end.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    opaque(p)[50] = 'x';
    for (int i = 0; i < 2000000; i++) free(opaque(malloc(100)));
    return survived();
}
