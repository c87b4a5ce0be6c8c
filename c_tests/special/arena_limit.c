// A limit is never exceeded, and what fits into it is served.
#include "check.h"
#include "metes.h"

static size_t held(metes_arena *arena, size_t limit) {
    CHECK(metes_arena_held(arena) <= limit && !metes_arena_check(arena));
    return metes_arena_held(arena);
}

int main(void) {
    for (size_t limit = 4096; limit < 4 * MIB; limit = limit * 5 / 3 & ~(size_t)15) {
        struct metes_arena_options options = {.size = sizeof options, .limit = limit};
        metes_arena *arena = metes_arena_new(&options);
        // The last step shrinks to what is left.
        size_t count = 0;
        for (; metes_arena_alloc(arena, 32); count++) held(arena, limit);
        CHECK(errno == ENOMEM && held(arena, limit) > limit - 80 && count * 32 > limit * 97 / 100);
        // What a reset has kept gives way to a large piece.
        metes_arena_reset(arena);
        CHECK(!metes_arena_alloc(arena, limit - 47) && errno == ENOMEM);
        CHECK(metes_arena_alloc(arena, limit - 48) && held(arena, limit) == limit);
        metes_arena_reset(arena);
        // Half of it, and what is left of the other half.
        CHECK(metes_arena_alloc(arena, limit / 2 - 48));
        while (metes_arena_alloc(arena, 16)) continue;
        CHECK(held(arena, limit) > limit - 80);
        metes_arena_destroy(arena);
    }
    check_heap();
    return 0;
}
