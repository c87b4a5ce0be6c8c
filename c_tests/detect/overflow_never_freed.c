// A block is written to past its end, and never freed.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

static char *kept;

int main(void) {
    kept = malloc(64);
    memset(opaque(kept), 'x', 65);
    return survived();
}
