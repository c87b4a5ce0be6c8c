// env: METES_OPTIONS=guard=1
// exit: SIGSEGV
// stderr: metes: M015 access out of bounds: read at 0x[0-9a-f]+: 1 bytes before the block of 112 bytes at 0x[0-9a-f]+
#include "include/guard.h"

int main(void) {
    char *p = guarded_left(112);
    return ((volatile char *)unseen(p))[-1];
}
