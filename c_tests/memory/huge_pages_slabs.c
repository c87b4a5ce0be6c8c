// Slabs of small blocks get huge pages: those that they take once they are many ask for them before anything is touched, and those before
// are put together as they fill. Neither costs more memory than what is touched, but for the last one.
// ways: so preload
// env: METES_OPTIONS=decay_ms=1000000
#include "check.h"

#include "include/pages.h"
#include "include/resident.h"

#include <sys/mman.h>

enum { SIZE = 400, COUNT = 48 * MIB / SIZE };

static char *all[COUNT];

// How many of a hundred blocks of a part stand where huge pages were asked for.
static int huge(size_t from, size_t to) {
    int found = 0;
    for (size_t i = 0; i < 100; i++) found += has_flag(all[from + i * ((to - from) / 100)], "hg");
    return found;
}

// Whether the kernel puts pages together when it is asked to: since 6.1, and if it has room.
static int can_collapse(void) {
    enum { PAGE = 2 * MIB };
    char *room = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(room != MAP_FAILED);
    char *page = (char *)(((uintptr_t)room + PAGE - 1) / PAGE * PAGE);
    memset(page, 1, PAGE);
    int can = madvise(page, PAGE, 25 /* MADV_COLLAPSE */) == 0;
    CHECK(munmap(room, 2 * PAGE) == 0);
    return can;
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
    // Put together.
    CHECK(huge(0, COUNT / 4) > 50 || !can_collapse());
    // Asked for.
    CHECK(huge(COUNT / 2, COUNT) > 90);
    check_heap();
    return 0;
}
