// Dhat names each request that it does not know. It is asked none.
// ways: dhat
#include "check.h"

int main(void) {
    char *p = malloc(100);
    CHECK(p);
    free(p);
    return 0;
}
