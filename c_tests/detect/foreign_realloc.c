// A static array is passed to realloc.
// default: SIGABRT metes: M004 .*
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
