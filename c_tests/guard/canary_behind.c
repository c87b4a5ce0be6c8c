// env: METES_OPTIONS=guard=1
// exit: SIGABRT
// stderr: metes: M008 overflow: free\(0x[0-9a-f]+\): byte 3 behind the block of 100 bytes was written to
#include "include/guard.h"

int main(void) {
    char *p = guarded_right(100);
    unseen(p)[102] = 1;
    free(p);
    return 0;
}
