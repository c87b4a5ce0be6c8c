// A freed block of 100 KiB is read.
// default: silent
// full: SIGSEGV
// guard: silent
// debug: SIGSEGV
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    memset(p, 'x', 100 * KIB);
    free(p);
    opaque(opaque(p)[50 * KIB]);
    return survived();
}
