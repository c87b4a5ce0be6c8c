// With verify=1 a call of free is enough also where blocks are checked: it finds that a freed block was written to.
// env: METES_OPTIONS=checks=full,guard=off,verify=1
// stderr: metes: M007 heap damaged: a freed block was written to at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *other = malloc(100), *freed = malloc(100);
    CHECK(other && freed);
    free(freed);
    opaque(freed)[50] = 1;
    free(other);
    _exit(0);
}
