// The free memory between small blocks serves larger blocks, and then smaller ones, before new pages do.
// ways: so preload a
// env: METES_OPTIONS=decay_ms=0,purge=off
#include "check.h"

#include "include/resident.h"
#include "sparse.h"
#include "statistics.h"

enum { LARGER = 60000, SMALLER = 400000 };
static unsigned char *larger[LARGER], *smaller[SMALLER];

int main(void) {
    uint64_t random = 88172645463325252u;
    size_t before = resident();
    make_sparse(&random);
    size_t full = resident() - before, among = 0;
    for (size_t i = 0; i < LARGER; i++) {
        size_t size = 100 + next_random(&random) % 400;
        CHECK(larger[i] = malloc(size));
        CHECK(malloc_usable_size(larger[i]) >= size);
        memset(larger[i], 7, 100);
    }
    CHECK(resident() - before < full + full / 8);
    for (size_t i = 0; i < LARGER; i += 1000) among += (size_t)among_sparse(larger[i]);
    CHECK(among > LARGER / 1000 / 2 && statistics().mixed_slabs > 100);
    CHECK(!find_metes_check()());

    // The contents stay, whether realloc moves the block or not.
    for (size_t i = 0; i < LARGER; i += 3) {
        CHECK(larger[i] = realloc(larger[i], 50 + next_random(&random) % 1000));
        for (size_t k = 0; k < 50; k++) CHECK(larger[i][k] == 7);
    }
    // Aligned and zeroed blocks, whatever was there before.
    for (size_t i = 0; i < LARGER; i += 100) {
        void *aligned = aligned_alloc(256, 512);
        CHECK(aligned && (uintptr_t)aligned % 256 == 0);
        unsigned char *zeroes = calloc(1, 300);
        for (size_t k = 0; k < 300; k++) CHECK(!zeroes[k]);
        free(aligned);
        free(zeroes);
    }
    check_sparse();
    CHECK(!find_metes_check()());

    for (size_t i = 0; i < LARGER; i++) free(larger[i]);
    for (size_t i = 0; i < SMALLER; i++) {
        CHECK(smaller[i] = malloc(40));
        memset(smaller[i], 9, 40);
    }
    CHECK(resident() - before < full + full / 4);
    check_sparse();
    for (size_t i = 0; i < SMALLER; i++) free(smaller[i]);
    for (size_t i = 0; i < SPARSE; i++) free(sparse[i]);
    CHECK(!find_metes_check()());
    malloc_trim(0);
    CHECK(resident() - before < full / 4); // the arrays of the program count
    CHECK(!find_metes_check()());
    return 0;
}
