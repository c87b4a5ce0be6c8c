// The old pointer is written to after realloc has moved the block.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100), *behind = malloc(100);
    char *moved = realloc(opaque(p), 2000);
    CHECK(moved != p);
    opaque(p)[20] = 'x';
    free(moved);
    free(behind);
    return survived();
}
