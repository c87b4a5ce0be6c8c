// An uninitialised pointer is freed: one to unmapped memory.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

int main(void) {
    free(opaque((void *)0x414141414140));
    return survived();
}
