// A pointer that no x86 address space has.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is not mapped
// exit: SIGABRT
#include "check.h"

int main(void) {
    free(opaque((void *)0x4141414141414140));
    return 0;
}
