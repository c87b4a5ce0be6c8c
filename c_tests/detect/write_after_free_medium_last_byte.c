// The last byte of a freed block of 100 KiB is written to.
// default: silent
// full: SIGABRT metes: M010 .*
// trailers: SIGABRT metes: M010 .*
// guard: silent
// debug: SIGABRT metes: M010 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    free(p);
    opaque(p)[100 * KIB - 1] = 'x';
    return survived();
}
