// Every block that fits is guarded until the pool is full. Then the heap serves. Slots that are free again are used,
// the oldest first.
// env: METES_OPTIONS=guard=1
#include "include/guard.h"
#include "statistics.h"

enum { COUNT = 1000 };
static char *blocks[COUNT];

static int take_all(void) {
    int found = 0;
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(77);
        memset(blocks[i], i, 77);
        found += is_guarded(blocks[i], 77);
    }
    return found;
}

int main(void) {
    struct metes_stats before = statistics();
    int found = take_all();
    CHECK(found > 200 && found <= 256);
    check_whole();
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < 77; k++) CHECK(blocks[i][k] == (char)i);
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    struct metes_stats after = statistics();
    CHECK(after.malloc_calls - before.malloc_calls == COUNT && after.free_calls - before.free_calls == COUNT);
    // A slot is used again when all others have been.
    char *first = guarded(77);
    free(first);
    for (int i = 0; i < found - 1; i++) {
        char *p = guarded(77);
        CHECK((uintptr_t)p / 20480 != (uintptr_t)first / 20480 || p != first);
        free(p);
    }
    CHECK(take_all() == found);
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
    check_whole();
    return 0;
}
