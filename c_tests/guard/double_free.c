// env: METES_OPTIONS=guard=1
// exit: SIGABRT
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 100 bytes is free already
#include "include/guard.h"

int main(void) {
    char *p = guarded(100);
    free(p);
    free(unseen(p));
    return 0;
}
