// An arena that was destroyed already.
// exit: SIGABRT
// stderr: metes: M001 double free: metes_arena_destroy\(0x[0-9a-f]+\): it was destroyed already, or is no arena
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(arena, 1));
    metes_arena_destroy(arena);
    metes_arena_destroy(opaque((void *)arena));
    return 0;
}
