// malloc_usable_size of static data.
// stderr: metes: M004 foreign pointer: malloc_usable_size\(0x[0-9a-f]+\): not from metes; it is in /.*
// exit: SIGABRT
#include "check.h"

static char data[64] = "static data";

int main(void) {
    return malloc_usable_size(opaque(data)) != 0;
}
