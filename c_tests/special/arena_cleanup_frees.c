// A cleanup that resets the arena, which is being reset.
// exit: SIGABRT
// stderr: metes: M001 double free: metes_arena_reset\(0x[0-9a-f]+\): a cleanup of this arena, which is freeing, has called it
#include "check.h"
#include "metes.h"

static void resets(void *arena) { metes_arena_reset(arena); }

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(metes_arena_on_reset(arena, resets, arena) == 0);
    metes_arena_destroy(arena);
    return 0;
}
