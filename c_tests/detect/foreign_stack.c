// A local array is freed.
// default: SIGABRT metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in the stack
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

int main(void) {
    char local[64] = "local";
    free(opaque(local));
    return survived();
}
