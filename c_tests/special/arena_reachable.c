// What only an arena's pieces lead to is no leak, nor are its chunks.
// debug: silent
#include "check.h"
#include "metes.h"

static metes_arena *kept;

int main(void) {
    kept = metes_arena_new(NULL);
    for (int k = 0; k < 1000; k++) {
        void **piece = opaque((void **)metes_arena_alloc(kept, 100));
        *piece = malloc(100);
    }
    for (int k = 0; k < 3; k++) {
        void **large = opaque((void **)metes_arena_alloc(kept, 300000));
        *large = malloc(100);
    }
    struct metes_arena_mark mark = metes_arena_mark(kept);
    for (int k = 0; k < 100; k++) CHECK(metes_arena_alloc(kept, 10000));
    metes_arena_rewind(kept, mark);
    return 0;
}
