// A block of 100,001 bytes is written to one byte past its end.
// default: silent
// full: SIGABRT metes: M008 .*
// trailers: SIGABRT metes: M008 .*
// guard: silent
// debug: SIGABRT metes: M008 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100001);
    opaque(p)[100001] = 'x';
    free(p);
    return survived();
}
