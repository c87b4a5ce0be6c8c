// What is freed is filled where blocks are checked.
// full: silent
// debug: silent
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(arena, 16));
    struct metes_arena_mark mark = metes_arena_mark(arena);
    char *piece = metes_arena_alloc(arena, 1000);
    memset(piece, 1, 1000);
    metes_arena_rewind(arena, mark);
    CHECK(all_bytes_are(opaque(piece), 1000, 0x5a));
    piece = metes_arena_alloc(arena, 1000);
    memset(piece, 1, 1000);
    metes_arena_reset(arena);
    CHECK(all_bytes_are(opaque(piece), 1000, 0x5a));
    metes_arena_destroy(arena);
    check_heap();
    return 0;
}
