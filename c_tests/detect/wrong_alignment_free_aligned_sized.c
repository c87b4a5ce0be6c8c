// free_aligned_sized is called with an alignment that the block does not have.
// default: SIGABRT metes: M012 .*
// full: SIGABRT metes: M012 .*
// trailers: SIGABRT metes: M012 .*
// guard: SIGABRT metes: M012 .*
// debug: SIGABRT metes: M012 .*
#include "include/detect.h"

int main(void) {
    if (!free_aligned_sized) return not_available();
    char *p = aligned_alloc(64, 192);
    // Not one that has the alignment by chance.
    for (int i = 0; i < 8 && (uintptr_t)p % 4096 == 0; i++) p = aligned_alloc(64, 192);
    free_aligned_sized(opaque(p), 4096, 192);
    return survived();
}
