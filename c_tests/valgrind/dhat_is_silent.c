// Dhat names each client request that it does not know. metes makes none of it.
// ways: dhat
#include "check.h"

int main(void) {
    char *p = malloc(100);
    CHECK(p);
    free(p);
    return 0;
}
