// The 8 bytes before a block of 100 KiB are overwritten.
// default: SIGABRT metes: M005 .*
// full: SIGABRT metes: M00[589] .*
// trailers: SIGABRT metes: M00[589] .*
// guard: SIGABRT metes: M005 .*
// debug: SIGABRT metes: M00[589] .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    memset(opaque(p) - 8, 'x', 8);
    free(p);
    return survived();
}
