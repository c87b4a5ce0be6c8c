// A block of 100 KiB is written to 64 bytes past its end.
// default: SIGABRT metes: M005 .*
// full: SIGABRT metes: M0(05|08) .*
// trailers: SIGABRT metes: M0(05|08) .*
// guard: SIGABRT metes: M005 .*
// debug: SIGABRT metes: M0(05|08) .*
#include "include/detect.h"

int main(void) {
    char *b[8];
    for (int i = 0; i < 8; i++) b[i] = malloc(100 * KIB);
    memset(opaque(b[3]), 'x', malloc_usable_size(b[3]) + 64);
    for (int i = 0; i < 8; i++) free(b[i]);
    return survived();
}
