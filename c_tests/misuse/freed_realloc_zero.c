// realloc of a freed block to nothing, which is a free.
// stderr: metes: (M002 freed pointer|M001 double free): (realloc|free)\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return realloc(opaque(p), 0) != NULL;
}
