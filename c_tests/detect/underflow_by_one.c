// The byte before a block is written to: an index of -1.
// default: silent
// full: SIGABRT metes: M00[89] .*
// trailers: SIGABRT metes: M00[89] .*
// guard: SIGABRT metes: M0(09|15) .*
// debug: SIGABRT metes: M00[89] .*
#include "include/detect.h"

int main(void) {
    char *b[3];
    for (int i = 0; i < 3; i++) b[i] = malloc(64);
    opaque(b[1])[-1] ^= 0x55;
    for (int i = 0; i < 3; i++) free(b[i]);
    return survived();
}
