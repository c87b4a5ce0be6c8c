// A KiB too much is written.
// default: silent
// full: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGABRT metes: M008 .*
#include "include/detect.h"

int main(void) {
    char *b[32];
    for (int i = 0; i < 32; i++) b[i] = malloc(112);
    memset(opaque(b[8]), 'x', 112 + 1024);
    for (int i = 0; i < 32; i++) free(b[i]);
    return survived();
}
