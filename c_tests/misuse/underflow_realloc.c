// The 8 bytes before a block overwritten, then realloc.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M005 header overwritten: realloc\(0x[0-9a-f]+\): the 8 bytes before the block are 0x[0-9a-f]{16}; .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    memset((char *)opaque(p) - 8, 0, 8);
    return realloc(p, 5000) != NULL;
}
