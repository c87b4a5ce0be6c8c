// free of the result of getenv.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in the stack
// exit: SIGABRT
#include "check.h"

int main(void) {
    free(opaque(getenv("PATH")));
    return 0;
}
