// The old pointer is freed after realloc has moved the block.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100), *behind = malloc(100);
    char *moved = realloc(opaque(p), 10000);
    CHECK(moved != p);
    free(opaque(p));
    free(moved);
    free(behind);
    return survived();
}
