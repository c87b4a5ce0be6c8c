// Slabs of small blocks get huge pages. Once there are many slabs, new ones ask for them before anything is touched.
// The earlier ones are put together as they fill. Neither costs more memory than is touched, but for the last huge
// page.
// ways: so preload
// env: METES_OPTIONS=decay_ms=1000000
#include "check.h"

#include "include/pages.h"
#include "include/resident.h"

enum { SIZE = 400, COUNT = 48 * MIB / SIZE };

static char *all[COUNT];

// How many of a hundred blocks of a part stand where huge pages were asked for.
static int huge(size_t from, size_t to) {
    int found = 0;
    for (size_t i = 0; i < 100; i++) found += has_flag(all[from + i * ((to - from) / 100)], "hg");
    return found;
}

int main(void) {
    served_by_metes();
    has_flag(all, "hg");
    for (size_t i = 0; i < COUNT; i++) all[i] = NULL;
    size_t before = resident();
    for (size_t i = 0; i < COUNT; i++) {
        CHECK((all[i] = malloc(SIZE)));
        memset(all[i], 1, SIZE);
        if (i == COUNT / 16) CHECK(huge(0, i) == 0);
    }
    printf("%zu KiB more for %d KiB\n", (resident() - before) / KIB, COUNT * SIZE / KIB);
    CHECK(resident() - before < COUNT * (SIZE + 8) + 5 * MIB);
    // These were put together, or metes tried to.
    int together = huge(0, COUNT / 4);
    CHECK(together > 5);
    // These asked.
    CHECK(huge(COUNT / 2, COUNT) > 90);
    check_heap();
    if (together > 50) return 0;
    fputs("the kernel refuses to put pages together: it is older than 6.1, or has no huge page free\n", stderr);
    return 77;
}
