// An index far too large hits the middle of another live block, and nothing in between.
// default: silent
// full: silent
// trailers: silent
// guard: silent
// debug: silent
#include "include/detect.h"

int main(void) {
    char *b[16];
    for (int i = 0; i < 16; i++) b[i] = malloc(256);
    ptrdiff_t index = b[9] - b[8] + 100;
    opaque(b[8])[index] = 'x';
    for (int i = 0; i < 16; i++) free(b[i]);
    return survived();
}
