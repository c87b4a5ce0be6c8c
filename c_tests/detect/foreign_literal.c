// A string literal is freed: a default value that was never replaced.
// default: SIGABRT metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in /.*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

int main(void) {
    const char *name = "unnamed";
    free(opaque((char *)(uintptr_t)name));
    return survived();
}
