// env: METES_OPTIONS=guard=2
// exit: SIGSEGV
// stderr: metes: M015 access out of bounds: read at 0x[0-9a-f]+: 1 bytes before the block of 111 bytes at 0x[0-9a-f]+
#include "include/guard.h"

int main(void) {
    char *p = guarded_left(111);
    return ((volatile char *)unseen(p))[-1];
}
