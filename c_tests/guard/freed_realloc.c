// env: METES_OPTIONS=guard=1
// exit: SIGABRT
// stderr: metes: M002 freed pointer: realloc\(0x[0-9a-f]+\): this block of 100 bytes is free already
#include "include/guard.h"

int main(void) {
    char *p = guarded(100);
    free(p);
    return realloc(unseen(p), 200) != NULL;
}
