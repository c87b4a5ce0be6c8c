// Every wrong option has its line, in order, and the right one between them works.
// env: METES_OPTIONS=colour=red,fit=best,shape=round,verify=lots
// stderr: metes: unknown option 'colour': the options are .*
// stderr: metes: unknown option 'shape': the options are .*
// stderr: metes: bad value 'lots' for option 'verify': .*
#include "check.h"

int main(void) {
    char *p = malloc(3000);
    free(p);
    return p == NULL;
}
