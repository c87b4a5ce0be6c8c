// A string of 64 characters is copied into 64 bytes: its terminating zero goes past the end.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: SIGABRT metes: M008 .*
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char text[65];
    memset(text, 'x', 64);
    text[64] = 0;
    char *p = malloc(64);
    strcpy(opaque(p), opaque(text));
    free(p);
    return survived();
}
