// The last of two values of an option holds: checks that were switched off and on again report.
// env: METES_OPTIONS=checks=off,checks=default
// stderr: metes: M001 double free: .*
// exit: SIGABRT
#include "check.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    free(opaque(p));
    return 0;
}
