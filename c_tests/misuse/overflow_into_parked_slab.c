// A write behind a slab's last block hits the header of a slab that waits for its first use. It is noticed when
// memory is given back.
// stderr: metes: M005 header overwritten: metes: the 8 bytes before the block at 0x[0-9a-f]+ are 0x4141414141414141; the block before it, in use, has 65528 bytes at .*
// exit: SIGABRT
#include "check.h"

#include <malloc.h>

enum { SIZE = 640, LAST = 101, UNIT = 64 << 10 };

int main(void) {
    // 102 blocks of 640 bytes, and 256 bytes left, of which the last 8 are the header.
    for (int i = 0; i < 2 * LAST; i++) {
        char *p = opaque(malloc(SIZE));
        if ((uintptr_t)p % UNIT != LAST * SIZE) continue;
        memset(p + SIZE, 'A', UNIT - (LAST + 1) * SIZE);
        malloc_trim(0);
        return 1;
    }
    return 2;
}
