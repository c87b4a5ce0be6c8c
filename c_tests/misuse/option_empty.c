// Empty options are fine.
// env: METES_OPTIONS=
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
