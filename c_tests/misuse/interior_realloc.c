// realloc of a pointer into a block.
// stderr: metes: M003 interior pointer: realloc\(0x[0-9a-f]+\): 32 bytes into the block of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    return realloc(opaque(p + 32), 4000) != NULL;
}
