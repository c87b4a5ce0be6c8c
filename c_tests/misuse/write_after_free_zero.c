// The first 32 bytes of freed blocks overwritten with zeros. The allocations that meet them must not go on.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M00[56] (free block written to|header overwritten): .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

int main(void) {
    char *b[9];
    row(b, 9, 3000);
    for (int i = 1; i < 9; i += 2) free(b[i]);
    for (int i = 1; i < 9; i += 2) memset(opaque(b[i]), 0, 32);
    walk_free_list();
    return 0;
}
