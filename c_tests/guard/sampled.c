// Programs that only allocate are sampled, and so are programs that only take aligned or zeroed blocks. The
// intervals vary.
// env: METES_OPTIONS=guard=50
#include "include/guard.h"

enum { COUNT = 20000 };
static void *blocks[COUNT];

static void drop(void) {
    for (int i = 0; i < COUNT; i++) free(blocks[i]);
}

int main(void) {
    int found = 0, last = 0, least = COUNT, most = 0;
    // The pool is never full.
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(99);
        if (is_guarded(blocks[i], 99)) {
            free(blocks[i]);
            blocks[i] = NULL;
            least = i - last < least ? i - last : least;
            most = i - last > most ? i - last : most;
            last = i;
            found++;
        }
    }
    CHECK(found > 250 && found < 550);
    CHECK(least < 20 && most > 80);
    drop();
    for (int i = found = 0; i < COUNT; i++) {
        char *p = aligned_alloc(64, 99);
        CHECK((uintptr_t)p % 64 == 0);
        found += is_guarded(p, 99);
        free(p);
    }
    CHECK(found > 250 && found < 550);
    for (int i = found = 0; i < COUNT; i++) {
        char *p = calloc(1, 3001);
        for (int k = 0; k < 3001; k++) CHECK(p[k] == 0);
        memset(p, 1, 3001);
        found += is_guarded(p, 3001);
        free(p);
    }
    CHECK(found > 250 && found < 550);
    check_whole();
    return 0;
}
