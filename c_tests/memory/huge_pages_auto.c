// Slabs of small blocks ask for huge pages once there are many. So do blocks that realloc copies, and large blocks
// after large ones that were seen to be touched. Small heaps, large blocks of which nothing is known, and blocks of
// calloc do not ask.
// ways: so preload
// env: METES_OPTIONS=decay_ms=1000000
#include "check.h"

#include "include/pages.h"

enum { LARGE = 8, NEXT = 24, MORE = 400000 };

static void *more[MORE];

static void *middle(void *block, size_t size) { return (char *)block + size / 2; }

int main(void) {
    void *first = malloc(100), *large[LARGE];
    CHECK(!has_flag(first, "hg"));
    CHECK(mallopt(M_MMAP_THRESHOLD, 64 << 20));
    for (int i = 0; i < LARGE; i++)
        CHECK((large[i] = i % 2 ? malloc(16 * MIB) : calloc(16, MIB)) && !has_flag(middle(large[i], 16 * MIB), "hg"));
    // Their free shows that nothing was touched.
    for (int i = 0; i < LARGE; i++) free(large[i]);
    for (int i = 0; i < LARGE; i++) CHECK((large[i] = malloc(16 * MIB)) && !has_flag(middle(large[i], 16 * MIB), "hg"));
    CHECK((large[0] = realloc(large[0], 32 * MIB)) && has_flag(middle(large[0], 16 * MIB), "hg"));
    for (int i = 1; i < LARGE; i++) memset(large[i], 1, 16 * MIB);
    for (int i = 1; i < LARGE; i++) free(large[i]);
    // As much memory as was seen touched may ask before anything is known of it, and no more.
    void *next[NEXT];
    size_t huge = 0;
    for (int i = 0; i < NEXT; i++) {
        CHECK((next[i] = malloc(16 * MIB)));
        huge += (size_t)has_flag(middle(next[i], 16 * MIB), "hg");
    }
    if (huge < 2 || huge > LARGE + 2) fprintf(stderr, "%zu of %d\n", huge, NEXT);
    CHECK(huge >= 2 && huge <= LARGE + 2);
    void *zeroed = calloc(30, MIB);
    CHECK(zeroed && !has_flag(middle(zeroed, 30 * MIB), "hg"));

    huge = 0;
    for (size_t i = 0; i < MORE; i++) CHECK((more[i] = malloc(400)));
    for (size_t i = MORE / 2; i < MORE; i += 500) huge += (size_t)has_flag(more[i], "hg");
    CHECK(huge > MORE / 500 / 4);
    for (int i = 0; i < NEXT; i++) free(next[i]);
    free(large[0]);
    free(zeroed);
    free(first);
    return 0;
}
