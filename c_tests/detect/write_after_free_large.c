// A byte in the middle of a freed block of 4 MiB is written to: it is not mapped any more.
// default: SIGSEGV
// full: SIGSEGV metes: M014 .*
// trailers: SIGSEGV metes: M014 .*
// guard: SIGSEGV
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4 * MIB);
    free(p);
    opaque(p)[2 * MIB] = 'x';
    return survived();
}
