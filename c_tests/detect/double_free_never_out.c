// A pointer a page behind a block, to a place of its size that was never handed out, is freed, and the next malloc may hand it out to two owners.
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
