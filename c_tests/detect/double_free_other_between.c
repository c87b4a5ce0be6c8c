// A block is freed again after another one was.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100), *q = malloc(100);
    free(p);
    free(q);
    free(opaque(p));
    return survived();
}
