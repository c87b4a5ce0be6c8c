// A byte 9 before a block is written to. It lies behind the end of the block before it, which is never freed.
// default: silent
// trailers: SIGABRT metes: M008 .*: byte 55 of this block, behind its end, was written to
#include "include/detect.h"

int main(void) {
    static char *b[64];
    for (int i = 0; i < 64; i++) b[i] = malloc(50);
    // A block with another one right before it.
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 64; k++)
            if (b[k] == b[i] - 64) {
                opaque(b[i])[-9] = 'x';
                free(b[i]);
                // The report must come from free, not at exit.
                _exit(survived());
            }
    return survived();
}
