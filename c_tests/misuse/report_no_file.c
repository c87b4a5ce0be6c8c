// Where the file cannot be made, metes says so, and the report goes to standard error.
// env: METES_OPTIONS=report=/no/such/folder/report.txt
// stderr: metes: cannot write reports to '/no/such/folder/report.txt'
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of [0-9]+ bytes is free already
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    free(opaque(p));
    return 0;
}
