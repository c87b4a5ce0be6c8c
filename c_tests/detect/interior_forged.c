// A pointer into a block is freed, with something before it that looks like a chunk's header to glibc.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

int main(void) {
    uint64_t *words = malloc(400);
    for (int i = 0; i < 50; i++) words[i] = 0x71;
    free(opaque(&words[10]));
    return survived();
}
