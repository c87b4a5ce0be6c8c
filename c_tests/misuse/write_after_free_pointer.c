// The first words of freed blocks overwritten with pointers to memory of the program.
// env: METES_OPTIONS=slabs=off
// stderr: metes: M00[56] (free block written to|header overwritten): .*
// exit: SIGABRT
#include "check.h"

#include "include/row.h"

static char target[4096];

int main(void) {
    char *b[9], *to = target + 64;
    row(b, 9, 3000);
    for (int i = 1; i < 9; i += 2) free(b[i]);
    for (int i = 1; i < 9; i += 2)
        for (int word = 0; word < 4; word++)
            memcpy((char *)opaque(b[i]) + 8 * word, &to, 8);
    walk_free_list();
    return 0;
}
