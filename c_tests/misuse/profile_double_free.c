// A sample of the profile that is freed twice is reported as any block is.
// env: METES_OPTIONS=profile=64
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes of the heap "sampled blocks" is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *volatile p = NULL;
    // All but one in a million millions of these are samples.
    for (int i = 0; i < 2; i++) p = malloc(2000);
    free(p);
    free(p);
    _exit(0);
}
