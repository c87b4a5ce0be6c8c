// A number that is too large for a word.
// env: METES_OPTIONS=verify=99999999999999999999
// stderr: metes: bad value '99999999999999999999' for option 'verify': .*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
