// The 16 bytes before a block are overwritten.
// default: silent
// full: SIGABRT metes: M00[89] .*
// trailers: SIGABRT metes: M00[89] .*
// guard: SIGABRT metes: M0(09|15) .*
// debug: SIGABRT metes: M00[89] .*
#include "include/detect.h"

int main(void) {
    char *b[3];
    for (int i = 0; i < 3; i++) b[i] = malloc(64);
    memset(opaque(b[1]) - 16, 'x', 16);
    for (int i = 0; i < 3; i++) free(b[i]);
    return survived();
}
