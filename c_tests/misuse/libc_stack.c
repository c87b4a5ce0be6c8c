// With foreign=libc a stack is still no heap, even where a plausible size stands before the pointer.
// env: METES_OPTIONS=foreign=libc
// exit: SIGABRT
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in the stack
#include "check.h"

int main(void) {
    size_t words[80] __attribute__((aligned(16))) = {0};
    words[7] = 0x101;
    words[39] = 0x101;
    free(opaque(&words[8]));
    return 0;
}
