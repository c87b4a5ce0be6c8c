// With verify=1 a call of free is enough also where blocks are checked: it finds that a freed block was written to.
// env: METES_OPTIONS=checks=full,guard=off,verify=1
// stderr: metes: M007 heap damaged: a freed block was written to at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    // Large enough that a free of a neighbour, which looks at the nearest 64 bytes, does not see it first.
    char *other = malloc(400), *freed = malloc(400);
    CHECK(other && freed);
    free(freed);
    opaque(freed)[200] = 1;
    free(other);
    _exit(0);
}
