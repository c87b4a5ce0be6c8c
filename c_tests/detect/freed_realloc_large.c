// A freed block of 4 MiB is passed to realloc.
// default: SIGABRT metes: M002 .*
// full: SIGABRT metes: M002 .*
// trailers: SIGABRT metes: M002 .*
// guard: SIGABRT metes: M002 .*
// debug: SIGABRT metes: M002 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4 * MIB);
    free(p);
    opaque(realloc(opaque(p), 8 * MIB));
    return survived();
}
