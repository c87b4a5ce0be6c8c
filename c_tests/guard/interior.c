// env: METES_OPTIONS=guard=1
// exit: SIGABRT
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 8 bytes into the block of 100 bytes at 0x[0-9a-f]+
#include "include/guard.h"

int main(void) {
    free(unseen(guarded(100)) + 8);
    return 0;
}
