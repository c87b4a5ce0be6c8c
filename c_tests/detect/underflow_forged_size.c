// The 8 bytes before a block of 100 KiB become those of a smaller block: an attacker's way to overlapping blocks.
// default: SIGABRT metes: M005 .*
// full: SIGABRT metes: M00[589] .*
// trailers: SIGABRT metes: M00[589] .*
// guard: SIGABRT metes: M005 .*
// debug: SIGABRT metes: M00[589] .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB), *other = malloc(60 * KIB);
    memcpy(opaque(p) - 8, opaque(other) - 8, 8);
    free(p);
    free(other);
    return survived();
}
