// A word where a number is expected.
// env: METES_OPTIONS=verify=often
// stderr: metes: bad value 'often' for option 'verify': .*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
