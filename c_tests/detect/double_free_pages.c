// A block of some pages that starts at a page boundary is freed twice. With full checks its pages are inaccessible
// in between.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *b[64], *p = NULL;
    for (int i = 0; i < 64; i++) b[i] = malloc(10000);
    for (int i = 0; i < 64; i++)
        if (!p || (uintptr_t)b[i] % 4096 == 0) p = b[i];
    free(p);
    free(opaque(p));
    return survived();
}
