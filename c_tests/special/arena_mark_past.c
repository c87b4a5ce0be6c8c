// A mark that was rewound past.
// exit: SIGABRT
// stderr: metes: M002 freed pointer: metes_arena_rewind\(0x[0-9a-f]+\): the mark was rewound past, or the arena reset, since it was set
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(arena, 1));
    struct metes_arena_mark outer = metes_arena_mark(arena);
    CHECK(metes_arena_alloc(arena, 1));
    struct metes_arena_mark inner = metes_arena_mark(arena);
    metes_arena_rewind(arena, outer);
    for (int k = 0; k < 100; k++) CHECK(metes_arena_alloc(arena, 16));
    metes_arena_rewind(arena, inner);
    return 0;
}
