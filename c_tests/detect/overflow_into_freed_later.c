// A block is written to far past its end, into one that was freed; then it is freed itself.
// default: silent
// trailers: SIGABRT metes: M010 .*: byte 8 of this free block of 50 bytes was written to
#include "include/detect.h"

int main(void) {
    static char *b[64];
    for (int i = 0; i < 64; i++) b[i] = malloc(50);
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 64; k++)
            if (b[k] == b[i] + 64) {
                free(b[k]);
                opaque(b[i])[72] = 'x';
                free(b[i]);
                _exit(survived());
            }
    return survived();
}
