// With verify=1 a call of realloc is enough, too.
// env: METES_OPTIONS=verify=1
// stderr: metes: M007 heap damaged: .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *other = malloc(100);
    char *first = malloc(50000), *second = malloc(50000);
    CHECK(other && first && second && first < second);
    // The header of the second block, which no later call names.
    memset(second - 8, 0x41, 8);
    other = realloc(other, 100);
    _exit(other ? 0 : 1);
}
