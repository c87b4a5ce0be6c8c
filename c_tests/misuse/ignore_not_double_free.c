// foreign=ignore is about foreign memory only: a double free still ends the program.
// env: METES_OPTIONS=foreign=ignore
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    free(opaque(p));
    return 0;
}
