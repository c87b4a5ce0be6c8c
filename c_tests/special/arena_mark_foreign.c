// A mark of another arena.
// exit: SIGABRT
// stderr: metes: M004 foreign pointer: metes_arena_rewind\(0x[0-9a-f]+\): the mark is not of this arena
#include "check.h"
#include "metes.h"

int main(void) {
    metes_arena *one = metes_arena_new(NULL), *other = metes_arena_new(NULL);
    CHECK(metes_arena_alloc(one, 1) && metes_arena_alloc(other, 1));
    metes_arena_rewind(other, metes_arena_mark(one));
    return 0;
}
