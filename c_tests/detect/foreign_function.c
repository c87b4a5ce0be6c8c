// A function's address is freed.
// default: SIGABRT metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in /.*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

int main(void) {
    free(opaque((void *)(uintptr_t)main));
    return survived();
}
