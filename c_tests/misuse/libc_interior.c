// With foreign=libc no pointer of metes' own may reach the libc, not even one into the middle of a mapping, whatever
// stands before it.
// env: METES_OPTIONS=foreign=libc
// exit: SIGABRT
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 131072 bytes into the block of 1048576 bytes at 0x[0-9a-f]+
#include "check.h"

int main(void) {
    char *p = malloc(1 << 20);
    size_t *inside = (size_t *)(void *)(p + (1 << 17));
    inside[-1] = 0x101;
    inside[0x100 / 8 - 1] = 0x101;
    free(opaque(inside));
    return 0;
}
