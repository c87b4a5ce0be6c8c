// The header of a freed block of 50,000 bytes is overwritten while the block waits in the thread's cache. The next call
// that would get the block reports that: calloc could not know how much of it to zero.
// stderr: metes: M005 header overwritten: calloc\(0x[0-9a-f]+\): the 8 bytes before the block are 0x4141414141414141; .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(50000);
    memset(p, 'x', 50000);
    free(p);
    memset(opaque(p) - 8, 'A', 8);
    char *q = calloc(1, 50000);
    CHECK(all_bytes_are(q, 50000, 0));
    return 0;
}
