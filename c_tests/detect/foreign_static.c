// A static array is freed.
// default: SIGABRT metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in /.*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

static char fixed[1000];

int main(void) {
    free(opaque(fixed + 64));
    return survived();
}
