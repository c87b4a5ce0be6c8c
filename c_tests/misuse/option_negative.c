// A negative number.
// env: METES_OPTIONS=verify=-1
// stderr: metes: bad value '-1' for option 'verify': .*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
