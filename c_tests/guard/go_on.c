// With abort=no metes reports what it finds, and the program goes on.
// env: METES_OPTIONS=guard=1,abort=no
// stderr: metes: M014 use after free: read at 0x[0-9a-f]+: 0 bytes into the block of 100 bytes at 0x[0-9a-f]+, which was freed
// stderr: metes: M015 access out of bounds: write at 0x[0-9a-f]+: 0 bytes behind the end of the block of 112 bytes at 0x[0-9a-f]+
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 100 bytes is free already
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 8 bytes into the block of 48 bytes at 0x[0-9a-f]+
// stderr: metes: M008 overflow: free\(0x[0-9a-f]+\): byte 1 behind the block of 99 bytes was written to
#include "include/guard.h"

int main(void) {
    char *p = guarded(100), *q = guarded_right(112), *r = guarded(48), *s = guarded(99);
    memset(p, 7, 100);
    free(p);
    // A read sees the old content.
    CHECK(((volatile char *)unseen(p))[0] == 7 && ((volatile char *)unseen(p))[99] == 7);
    unseen(q)[112] = 1;
    free(q);
    free(unseen(p));
    free(unseen(r) + 8);
    free(r);
    unseen(s)[99] = 1;
    free(s);
    check_whole();
    return 0;
}
