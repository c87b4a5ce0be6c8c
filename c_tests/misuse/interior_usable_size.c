// malloc_usable_size of a pointer into a block.
// stderr: metes: M003 interior pointer: malloc_usable_size\(0x[0-9a-f]+\): 48 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    return malloc_usable_size(opaque(p + 48)) != 0;
}
