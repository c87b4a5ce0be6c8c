// The last 8 bytes of a freed block overwritten, then the block behind it freed, which would merge the two.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M00[56] (free block written to|header overwritten): .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[2];
    row(b, 2, 3000);
    size_t usable = malloc_usable_size(b[0]);
    free(b[0]);
    memset((char *)opaque(b[0]) + usable - 8, 0x41, 8);
    free(b[1]);
    return 0;
}
