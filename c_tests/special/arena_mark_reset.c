// A mark from before a reset, and reports that are passed over: the call does nothing then.
// env: METES_OPTIONS=abort=no
// stderr: metes: M002 freed pointer: metes_arena_rewind\(0x[0-9a-f]+\): the mark was rewound past, or the arena reset, since it was set
// stderr: metes: M004 foreign pointer: metes_arena_rewind\(0x[0-9a-f]+\): the mark is not of this arena
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL), *other = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(arena, 1));
    struct metes_arena_mark mark = metes_arena_mark(arena);
    metes_arena_reset(arena);
    CHECK(metes_arena_alloc(arena, 1000));
    size_t used = metes_arena_used(arena);
    metes_arena_rewind(arena, mark);
    metes_arena_rewind(arena, metes_arena_mark(other));
    CHECK(metes_arena_used(arena) == used && !metes_arena_check(arena));
    metes_arena_destroy(arena);
    metes_arena_destroy(other);
    return 0;
}
