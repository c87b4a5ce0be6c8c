// A block of aligned_alloc is given to free_sized.
// default: silent
// full: SIGABRT metes: M01[23] .*
// trailers: SIGABRT metes: M01[23] .*
// guard: silent
// debug: SIGABRT metes: M01[23] .*
#include "include/detect.h"

int main(void) {
    if (!free_sized) return not_available();
    char *p = aligned_alloc(256, 256);
    free_sized(opaque(p), 256);
    return survived();
}
