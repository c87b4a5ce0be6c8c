// Options that contradict each other are named, once.
// env: METES_OPTIONS=checks=off,debug=1
// stderr: metes: checks=off and debug=1 contradict each other: nothing is reported but leaks
#include "check.h"

int main(void) {
    char *p = malloc(100);
    free(p);
    free(opaque(p));
    return 0;
}
