// A block of 4,000,000 bytes is written to one byte past its end.
// default: silent
// full: SIGABRT metes: M008 .*
// trailers: SIGABRT metes: M008 .*
// guard: silent
// debug: SIGABRT metes: M008 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4000000);
    opaque(p)[4000000] = 'x';
    free(p);
    return survived();
}
