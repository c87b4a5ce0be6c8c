// Marks nest, stay valid when they are rewound to, and bring cleanups and large chunks back.
// default: silent
// full: silent
// debug: silent
#include "check.h"
#include "metes.h"

static int order[64], calls;

static void note(void *argument) { order[calls++] = (int)(intptr_t)argument; }

static void registered(metes_arena *arena, int number) {
    CHECK(metes_arena_on_reset(arena, note, (void *)(intptr_t)number) == 0);
}

static void was_called(int first, int last) {
    CHECK(calls == first - last + 1);
    for (int k = 0; k < calls; k++) CHECK(order[k] == first - k);
    calls = 0;
}

static metes_arena *inner;

// What a cleanup allocates goes with the rest.
static void allocates(void *argument) {
    (void)argument;
    for (int k = 0; k < 1000; k++) CHECK(metes_arena_alloc(inner, 100));
}

int main(void) {
    metes_arena *arena = metes_arena_new(NULL);
    struct metes_arena_mark start = metes_arena_mark(arena), marks[8];
    for (int round = 0; round < 3; round++) {
        char *texts[8];
        for (int k = 0; k < 8; k++) {
            registered(arena, k);
            texts[k] = metes_arena_printf(arena, "level %d", k);
            for (int n = 0; n < 500; n++) memset(metes_arena_alloc(arena, 40), 0xff, 40);
            memset(metes_arena_alloc(arena, 3 * MIB), 0xff, 3 * MIB);
            marks[k] = metes_arena_mark(arena);
        }
        size_t held = metes_arena_held(arena);
        CHECK(!metes_arena_check(arena));
        metes_arena_rewind(arena, marks[7]);
        was_called(0, 1);
        CHECK(metes_arena_held(arena) == held);
        metes_arena_rewind(arena, marks[3]);
        was_called(7, 4);
        CHECK(metes_arena_held(arena) < held - 12 * MIB && !metes_arena_check(arena));
        for (int k = 0; k < 4; k++) CHECK(texts[k][6] == '0' + k && metes_arena_owns(arena, texts[k]));
        CHECK(!metes_arena_owns(arena, texts[4]));
        size_t used = metes_arena_used(arena);
        for (int k = 0; k < 100; k++) {
            struct metes_arena_mark mark = metes_arena_mark(arena);
            memset(metes_arena_alloc(arena, 10000), 0xff, 10000);
            metes_arena_rewind(arena, k % 2 ? mark : marks[3]);
            CHECK(metes_arena_used(arena) == used);
        }
        metes_arena_rewind(arena, start);
        was_called(3, 0);
        CHECK(metes_arena_used(arena) == 0 && !metes_arena_check(arena));
    }
    inner = arena;
    CHECK(metes_arena_on_reset(arena, allocates, NULL) == 0);
    metes_arena_reset(arena);
    CHECK(metes_arena_used(arena) == 0 && !metes_arena_check(arena));
    registered(arena, 1);
    registered(arena, 2);
    metes_arena_destroy(arena);
    was_called(2, 1);
    check_heap();
    return 0;
}
