// A value that the option does not have.
// env: METES_OPTIONS=fit=fastest
// stderr: metes: bad value 'fastest' for option 'fit': .*first.*best.*worst.*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
