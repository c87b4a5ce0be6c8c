// A pointer one page behind a block is freed: the place there was never handed out. The next mallocs may hand it out
// to two owners.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M00[134] .*
// trailers: SIGABRT metes: M00[134] .*
// guard: SIGABRT metes: M00[134] .*
// debug: SIGABRT metes: M00[134] .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(64);
    free(opaque(p + 4096));
    char *first = malloc(64);
    memset(first, 1, 64);
    for (int i = 0; i < 1000; i++) {
        char *other = malloc(64);
        if (other == first) return survived();
        memset(other, 2, 64);
    }
    return survived();
}
