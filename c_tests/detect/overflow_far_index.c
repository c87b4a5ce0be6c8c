// An index 1,000 bytes past a block's end hits whatever is there, and nothing in between.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: silent
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char *b[64];
    for (int i = 0; i < 64; i++) b[i] = malloc(64);
    opaque(b[8])[1064] = 'x';
    for (int i = 0; i < 64; i++) free(b[i]);
    return survived();
}
