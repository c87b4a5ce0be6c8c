// A pointer 16 bytes into a block of 100 KiB is freed.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

int main(void) {
    char *p = malloc(100 * KIB);
    free(opaque(p + 16));
    return survived();
}
