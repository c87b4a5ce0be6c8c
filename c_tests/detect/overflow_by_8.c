// 8 bytes too much are written: a pointer more than there is room for.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    void **pointers = malloc(8 * sizeof *pointers);
    for (int i = 0; i < 9; i++) opaque(pointers)[i] = &pointers;
    free(pointers);
    return survived();
}
