// Options that exist cause no message.
// env: METES_OPTIONS=fit=first,verify=10,foreign=ignore
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
