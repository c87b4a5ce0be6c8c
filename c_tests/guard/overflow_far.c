// A page of the slot that does not belong to the block.
// env: METES_OPTIONS=guard=2
// exit: SIGSEGV
// stderr: metes: M015 access out of bounds: read at 0x[0-9a-f]+: 4996 bytes behind the end of the block of 100 bytes at 0x[0-9a-f]+
#include "include/guard.h"

int main(void) {
    char *p = guarded_left(100);
    return ((volatile char *)unseen(p))[5096];
}
