// A block is freed again after a hundred others of its size were.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *b[101];
    for (int i = 0; i <= 100; i++) b[i] = malloc(100);
    for (int i = 0; i <= 100; i++) free(b[i]);
    free(opaque(b[0]));
    return survived();
}
