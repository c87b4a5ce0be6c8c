// An allocation from an arena that was destroyed.
// exit: SIGABRT
// stderr: metes: M002 freed pointer: metes_arena_alloc\(0x[0-9a-f]+\): there is no arena, or it was destroyed
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(arena, 1));
    metes_arena_destroy(arena);
    return metes_arena_alloc(opaque((void *)arena), 1) != NULL;
}
