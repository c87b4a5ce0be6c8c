// The beginning of an option's name is not its name.
// env: METES_OPTIONS=ver=1
// stderr: metes: unknown option 'ver': the options are .*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
