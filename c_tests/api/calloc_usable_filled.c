// Like calloc_usable.c, with freed blocks filled, and with objects of one size among objects of others.
// env: METES_OPTIONS=decay_ms=0
#include "check.h"

#include "sparse.h"

static void check_whole(size_t size) {
    unsigned char *block = malloc(size);
    CHECK(block);
    memset(block, 0xff, malloc_usable_size(block));
    free(block);
    unsigned char *zeroed[20];
    for (int i = 0; i < 20; i++) {
        CHECK((zeroed[i] = calloc(1, size)));
        CHECK(all_bytes_are(zeroed[i], malloc_usable_size(zeroed[i]), 0));
        memset(zeroed[i], 0xff, malloc_usable_size(zeroed[i]));
    }
    for (int i = 0; i < 20; i++) free(zeroed[i]);
}

int main(void) {
    served_by_metes();
    uint64_t random = 88172645463325252u;
    make_sparse(&random);
    for (int perturb = 0; perturb < 2; perturb++) {
        CHECK(mallopt(M_PERTURB, perturb ? 0x5a : 0) == 1);
        for (size_t size = 1; size < 3 * MIB; size += size / 7 + 1) check_whole(size);
    }
    check_heap();
    return 0;
}
