// env: METES_OPTIONS=guard=1
// exit: SIGSEGV
// stderr: metes: M014 use after free: read at 0x[0-9a-f]+: 5 bytes into the block of 100 bytes at 0x[0-9a-f]+, which was freed
#include "include/guard.h"

int main(void) {
    char *p = guarded(100);
    free(p);
    return ((volatile char *)unseen(p))[5];
}
