// The first byte behind the usable size of a block of 100 KiB is changed.
// default: SIGABRT metes: M005 .*
// full: SIGABRT metes: M0(05|08) .*
// trailers: SIGABRT metes: M0(05|08) .*
// guard: SIGABRT metes: M005 .*
// debug: SIGABRT metes: M0(05|08) .*
#include "include/detect.h"

int main(void) {
    char *b[8];
    for (int i = 0; i < 8; i++) b[i] = malloc(100 * KIB);
    opaque(b[3])[malloc_usable_size(b[3])] ^= 0x55;
    for (int i = 0; i < 8; i++) free(b[i]);
    return survived();
}
