// free of memory from sbrk, where other allocators live.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in (\[heap\].*|libc's .*|an anonymous mapping)
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *pool = sbrk(65536);
    memset(pool, 0, 65536);
    free(opaque(pool + 4096));
    return 0;
}
