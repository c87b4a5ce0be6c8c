// More bytes are read from a block than it has: the length that it states was not checked.
// default: silent
// full: SIGSEGV metes: M015 .*
// trailers: silent
// guard: SIGSEGV metes: M015 .*
// debug: SIGSEGV metes: M015 .*
#include "include/detect.h"

int main(void) {
    char answer[1024], *request = malloc(64);
    memset(request, 'x', 64);
    memcpy(opaque(answer), opaque(request), sizeof answer);
    free(request);
    return survived();
}
