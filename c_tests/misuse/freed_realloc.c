// realloc of a freed block.
// stderr: metes: M002 freed pointer: realloc\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return realloc(opaque(p), 4000) != NULL;
}
