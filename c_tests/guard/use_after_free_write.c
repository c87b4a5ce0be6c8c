// env: METES_OPTIONS=guard=1
// exit: SIGSEGV
// stderr: metes: M014 use after free: write at 0x[0-9a-f]+: 0 bytes into the block of 1000 bytes at 0x[0-9a-f]+, which was freed
#include "include/guard.h"

int main(void) {
    char *p = guarded(1000);
    free(p);
    *(volatile char *)unseen(p) = 1;
    return 0;
}
