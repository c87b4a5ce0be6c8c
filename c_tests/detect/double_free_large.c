// A block of 4 MiB is freed twice in a row.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(4 * MIB);
    free(p);
    free(opaque(p));
    return survived();
}
