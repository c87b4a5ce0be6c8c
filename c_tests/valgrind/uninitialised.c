// The program branches on a byte of a block that it never wrote.
// exit: 9
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// detail: at 0x\w+: main \(uninitialised\.c
#include "check.h"

int main(void) {
    const volatile char *p = malloc(100);
    if (opaque(p)[50] == 'x') puts("it was");
    free((void *)p);
    return 0;
}
