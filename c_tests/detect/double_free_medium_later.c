// A block of 100 KiB is freed again after its neighbours were freed and merged with it.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

int main(void) {
    char *b[64];
    for (int i = 0; i < 64; i++) b[i] = malloc(100 * KIB);
    for (int i = 0; i < 64; i++) free(b[i]);
    free(opaque(b[1]));
    return survived();
}
