// Where blocks are checked, freed ones wait in quarantine. When memory is short all of them can be had, also those
// at random places.
// env: METES_OPTIONS=limit=64m,checks=full
#include "check.h"

int main(void) {
    served_by_metes();
    for (int i = 0; i < 500; i++) {
        char *block = malloc((size_t)(1 + i % 30) * MIB);
        CHECK(block);
        block[0] = 1;
        free(block);
    }
    return 0;
}
