// free_aligned_sized is called with the size of something else.
// default: SIGABRT metes: M011 .*
// full: SIGABRT metes: M011 .*
// trailers: SIGABRT metes: M011 .*
// guard: SIGABRT metes: M011 .*
// debug: SIGABRT metes: M011 .*
#include "include/detect.h"

int main(void) {
    if (!free_aligned_sized) return not_available();
    char *p = aligned_alloc(64, 128);
    free_aligned_sized(opaque(p), 64, 512);
    return survived();
}
