// free of a FILE that belongs to libc.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in (libc's .*|/.*libc.*|an anonymous mapping)
// exit: SIGABRT
#include "check.h"

int main(void) {
    free(opaque(stdin));
    return 0;
}
