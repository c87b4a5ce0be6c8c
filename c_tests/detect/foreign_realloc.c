// A static array is passed to realloc.
// default: SIGABRT metes: M004 foreign pointer: realloc\(0x[0-9a-f]+\): not from metes; it is in /.*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

static char fixed[1000];

int main(void) {
    opaque(realloc(opaque(fixed + 64), 2000));
    return survived();
}
