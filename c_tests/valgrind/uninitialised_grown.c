// The program branches on a byte that has come to a block by realloc.
// exit: 9
// stderr: Conditional jump or move depends on uninitialised value\(s\)
// detail: at 0x\w+: main \(uninitialised_grown\.c
#include "check.h"

int main(void) {
    const volatile char *p = realloc(calloc(1, 100), 200);
    // This byte was there before.
    if (opaque(p)[50] == 'x') puts("it was");
    if (opaque(p)[150] == 'x') puts("it was");
    free((void *)p);
    return 0;
}
