// free of a 16-byte object is interrupted at each instruction by a handler whose malloc fills from another leaf of
// the page map. An object of 32000 bytes stands at the same place there: the small one must not be taken for one of
// those.
#include "include/step.h"

enum { SMALL = 200000, LARGE = 16000, UNIT = 65536, SIZE = 32000 };

static char *small[SMALL], *large[LARGE], *stepped;

static void fill_elsewhere(void) { adopt(malloc(SIZE), SIZE); }

static void one(void) {
    struct block blocks[64];
    size_t before = malloc_usable_size(stepped);
    CHECK(before >= 16 && before < 64);
    malloc_trim(0);
    // Aims the near leaf at the small objects.
    free(malloc(16));
    STEP(free(stepped));
    for (int i = 0; i < 64; i++) {
        blocks[i] = get(SIZE);
        CHECK(blocks[i].at != (unsigned char *)stepped);
    }
    for (int i = 0; i < 64; i++) put(blocks[i]);
}

int main(void) {
    // The first small object of each unit, by its place in 4 GiB, which are two leaves of the page map.
    static char *firsts[4 * GIB / UNIT];
    int count = 0;
    step_begin();
    for (int i = 0; i < SMALL; i++) {
        CHECK((small[i] = malloc(16)));
        if (is_aligned(small[i], UNIT)) firsts[(uintptr_t)small[i] % (4 * GIB) / UNIT] = small[i];
    }
    // What the heap gets next is nearly 4 GiB away, so that it soon comes by the same places.
    void *hole = mmap(NULL, 4 * GIB - 64 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(hole != MAP_FAILED);
    while (!stepped && count < LARGE) {
        CHECK((large[count] = malloc(SIZE)));
        char *first = firsts[(uintptr_t)large[count] % (4 * GIB) / UNIT];
        if (first && (uintptr_t)first / (4 * GIB) != (uintptr_t)large[count] / (4 * GIB)) stepped = first;
        count++;
    }
    CHECK(stepped);
    for (int i = 0; i < 2000; i++)
        if (small[i] != stepped) free(small[i]);
    for (int i = 2; i < 30; i++) free(large[count - i]);
    malloc_trim(0);
    act_at_each(one, fill_elsewhere, 1);
    check_heap();
    return 0;
}
