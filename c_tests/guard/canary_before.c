// env: METES_OPTIONS=guard=1
// exit: SIGABRT
// stderr: metes: M009 underflow: free\(0x[0-9a-f]+\): byte 2 before the block of 100 bytes was written to
#include "include/guard.h"

int main(void) {
    char *p = guarded_right(100);
    unseen(p)[-2] = 1;
    free(p);
    return 0;
}
