// A kernel address.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is not mapped
// exit: SIGABRT
#include "check.h"

int main(void) {
    free(opaque((void *)0xffff888000000000));
    return 0;
}
