// A pointer into the middle of a block of 4 MiB is freed.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4 * MIB);
    free(opaque(p + 2 * MIB));
    return survived();
}
