// env: METES_OPTIONS=guard=1
// exit: SIGSEGV
// stderr: metes: M015 access out of bounds: write at 0x[0-9a-f]+: 0 bytes behind the end of the block of 112 bytes at 0x[0-9a-f]+
#include "include/guard.h"

int main(void) {
    char *p = guarded_right(112);
    unseen(p)[112] = 1;
    return 0;
}
