// SIGSEGV was ignored before guarding was switched on: a signal that is sent is ignored, a fault is not.
// stderr: metes: M014 use after free: read at 0x[0-9a-f]+: 9 bytes into the block of 100 bytes at 0x[0-9a-f]+, which was freed
// exit: SIGSEGV
#include "include/guard.h"

int main(void) {
    signal(SIGSEGV, SIG_IGN);
    CHECK(set_option("guard", "1") == 0);
    char *p = guarded(100);
    free(p);
    raise(SIGSEGV);
    return ((volatile char *)unseen(p))[9];
}
