// After a reset the same is allocated without malloc, and an arena in a buffer never calls it.
#include "check.h"
#include "statistics.h"

static uint64_t calls(void) {
    struct metes_stats now = statistics();
    return now.malloc_calls + now.calloc_calls + now.realloc_calls + now.aligned_calls + now.free_calls;
}

static void use(metes_arena *arena) {
    for (size_t k = 0; k < 100000; k++) CHECK(metes_arena_alloc(arena, k * 7919 % 300));
    for (size_t k = 1; k < 20; k++) CHECK(metes_arena_aligned_alloc(arena, 64, k * 300000));
}

static void resets(void) {
    metes_arena *arena = metes_arena_new(NULL);
    use(arena);
    uint64_t before = calls();
    for (int round = 0; round < 5; round++) {
        metes_arena_reset(arena);
        use(arena);
    }
    CHECK(calls() == before);
    metes_arena_destroy(arena);
}

static char buffer[100000];

static void in_a_buffer(void) {
    uint64_t before = calls();
    for (size_t skipped = 0; skipped < 20; skipped++) {
        metes_arena *arena = metes_arena_over(buffer + skipped, sizeof buffer - skipped);
        size_t bytes = 0;
        CHECK((char *)arena - buffer < 40 && metes_arena_held(arena) > sizeof buffer - 500);
        for (int round = 0; round < 3; round++) {
            bytes = 0;
            for (char *piece; (piece = metes_arena_alloc(arena, 100)); bytes += 100) {
                CHECK(piece > buffer && piece + 100 <= buffer + sizeof buffer);
                memset(piece, 0xff, 100);
            }
            CHECK(errno == ENOMEM && bytes > 88000 && !metes_arena_check(arena));
            CHECK(metes_arena_alloc(arena, 2 * sizeof buffer) == NULL && metes_arena_trim(arena) == 0);
            metes_arena_reset(arena);
        }
        // A full arena can be marked even so.
        while (metes_arena_alloc(arena, 100)) continue;
        size_t used = metes_arena_used(arena);
        struct metes_arena_mark mark = metes_arena_mark(arena);
        while (metes_arena_aligned_alloc(arena, 1, 1)) continue;
        metes_arena_rewind(arena, mark);
        CHECK(metes_arena_used(arena) <= used + 64 && !metes_arena_check(arena));
        metes_arena_destroy(arena);
    }
    CHECK(calls() == before);
}

int main(void) {
    resets();
    in_a_buffer();
    check_heap();
    return 0;
}
