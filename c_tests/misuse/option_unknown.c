// An option that does not exist is reported once, and then ignored.
// env: METES_OPTIONS=colour=red
// stderr: metes: unknown option 'colour': the options are .*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
