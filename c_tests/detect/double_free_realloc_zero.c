// A block is freed by realloc to nothing, and then by free.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100);
    opaque(realloc(opaque(p), 0));
    free(opaque(p));
    return survived();
}
