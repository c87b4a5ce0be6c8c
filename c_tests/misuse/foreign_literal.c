// free of a string literal.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in /.*
// exit: SIGABRT
#include "check.h"

int main(void) {
    free(opaque((char *)"a literal"));
    return 0;
}
