// A guarded block is never freed. The byte behind it that is written to is there only because of the alignment.
// env: METES_OPTIONS=checks=full
// exit: SIGABRT
// stderr: metes: M008 overflow: 0x[0-9a-f]+: byte 1 behind the block of 100 bytes was written to
// detail: guarded block of 100 bytes at 0x[0-9a-f]+, in use
#include "include/guard.h"

int main(void) {
    char *p = malloc(100);
    unseen(p)[100] = 1;
    return 0;
}
