// reallocarray of a freed block.
// stderr: metes: M002 freed pointer: realloc(array)?\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return reallocarray(opaque(p), 100, 100) != NULL;
}
