// A block of 100 KiB is freed twice in a row.
// default: SIGABRT metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    free(p);
    free(opaque(p));
    return survived();
}
