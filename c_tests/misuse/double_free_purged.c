// The last blocks of a slab are freed and their pages given back, which takes the keys out of them. Then one is
// freed again.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 1024 bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    enum { MANY = 63 };
    static char *blocks[MANY];
    for (int i = 0; i < MANY; i++) memset(blocks[i] = malloc(1024), 1, 1024);
    for (int i = MANY / 2; i < MANY; i++) free(blocks[i]);
    malloc_trim(0);
    // One of the highest blocks, wherever these are, on a page that has nothing else.
    char *last = blocks[MANY / 2];
    for (int i = MANY / 2; i < MANY; i++)
        if (blocks[i] > last) last = blocks[i];
    free(opaque(last - 8192));
    return 0;
}
