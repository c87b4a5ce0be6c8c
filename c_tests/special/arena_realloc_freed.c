// A piece that was rewound past is resized.
// exit: SIGABRT
// stderr: metes: M002 freed pointer: metes_arena_realloc\(0x[0-9a-f]+\): this part of the arena is free
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(arena, 1));
    struct metes_arena_mark mark = metes_arena_mark(arena);
    char *piece = metes_arena_alloc(arena, 100);
    metes_arena_rewind(arena, mark);
    return metes_arena_realloc(arena, opaque(piece), 100, 200) != NULL;
}
