// realloc of a local variable.
// stderr: metes: M004 foreign pointer: realloc\(0x[0-9a-f]+\): not from metes; it is in the stack
// exit: SIGABRT
#include "check.h"

int main(void) {
    char local[64] = "local";
    return realloc(opaque(local), 100) != NULL;
}
