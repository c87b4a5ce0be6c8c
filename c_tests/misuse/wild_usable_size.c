// malloc_usable_size of a pointer overwritten with text.
// stderr: metes: M004 foreign pointer: malloc_usable_size\(0x[0-9a-f]+\): not from metes; it is not mapped
// exit: SIGABRT
#include "check.h"

int main(void) {
    return malloc_usable_size(opaque((void *)0x4141414141414141)) != 0;
}
