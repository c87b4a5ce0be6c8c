// More is read out of a block than is in it: what it says its length is was not checked.
// default: silent
// full: silent
// guard: SIGSEGV metes: M015 .*
// debug: silent
#include "include/detect.h"

int main(void) {
    char answer[1024], *request = malloc(64);
    memset(request, 'x', 64);
    memcpy(opaque(answer), opaque(request), sizeof answer);
    free(request);
    return survived();
}
