// A freed block of 4 MiB is read: it is not mapped any more.
// default: SIGSEGV
// full: SIGSEGV metes: M014 .*
// trailers: SIGSEGV metes: M014 .*
// guard: SIGSEGV
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4 * MIB);
    free(p);
    opaque(opaque(p)[2 * MIB]);
    return survived();
}
