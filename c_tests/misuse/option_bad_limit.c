// A limit too small to hold anything is refused, and so is a value that is no size. Then there is no limit.
// env: METES_OPTIONS=limit=1m,limit=much,limit=0
// stderr: metes: bad value '1m' for option 'limit': it takes a size from 4m, such as 512m, or off
// stderr: metes: bad value 'much' for option 'limit': it takes a size from 4m, such as 512m, or off
// stderr: metes: bad value '0' for option 'limit': it takes a size from 4m, such as 512m, or off
#include "check.h"

int main(void) {
    char *p = malloc(300 * MIB);
    free(p);
    return p == NULL;
}
