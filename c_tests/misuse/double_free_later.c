// A block freed again a hundred frees later.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *b[101];
    for (int i = 0; i < 101; i++) b[i] = malloc(500 + 40 * (size_t)i);
    for (int i = 0; i < 101; i++) free(b[i]);
    free(opaque(b[0]));
    return 0;
}
