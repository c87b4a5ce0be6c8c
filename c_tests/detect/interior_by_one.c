// A pointer one byte into a block is freed: no malloc returns such a one.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    free(opaque(p + 1));
    return survived();
}
