// An uninitialised pointer is freed: a value that no address can have.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

int main(void) {
    free(opaque((void *)0xcdcdcdcdcdcdcdc0));
    return survived();
}
