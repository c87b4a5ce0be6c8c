// The byte before a block of 4 MiB is written to.
// full: SIGSEGV metes: M015 .*: 1 bytes before the block of 4194304 bytes at .*
// trailers: SIGSEGV metes: M015 .*: 1 bytes before the block of 4194304 bytes at .*
// debug: SIGSEGV metes: M015 .*: 1 bytes before the block of 4194304 bytes at .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4 * MIB);
    opaque(p)[-1] = 'x';
    free(p);
    return survived();
}
