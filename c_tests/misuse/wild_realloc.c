// realloc of a pointer where nothing is mapped.
// stderr: metes: M004 foreign pointer: realloc\(0x[0-9a-f]+\): not from metes; it is not mapped
// exit: SIGABRT
#include "check.h"

int main(void) {
    return realloc(opaque((void *)0xdeadbeef000), 100) != NULL;
}
