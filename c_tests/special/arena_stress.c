// Random calls, and what was written is there until it is taken back.
// args: 60000
// soak-args: 3000000
// default: silent
// full: silent
// debug: silent
#include "check.h"
#include "metes.h"

enum { PIECES = 4096, MARKS = 32 };

static struct piece {
    unsigned char *at;
    size_t size;
    unsigned seed;
} pieces[PIECES];
static size_t count, mark_count;
static struct {
    struct metes_arena_mark mark;
    size_t count;
} marks[MARKS];

static size_t random_size(uint64_t *random) {
    uint64_t kind = next_random(random) % 100;
    return next_random(random) % (kind < 80 ? 200 : kind < 98 ? 5000 : 300000);
}

static void add(void *at, size_t size, unsigned seed) {
    if (!at) return;
    pieces[count++] = (struct piece){at, size, seed};
    fill(at, 0, size, seed);
}

static void verify(metes_arena *arena) {
    const char *broken = metes_arena_check(arena);
    if (broken) fprintf(stderr, "%s\n", broken);
    CHECK(!broken);
    for (size_t k = 0; k < count; k++) {
        CHECK(holds(pieces[k].at, 0, pieces[k].size, pieces[k].seed));
        CHECK(!pieces[k].size || metes_arena_owns(arena, pieces[k].at + pieces[k].size - 1));
    }
}

static void step(metes_arena *arena, uint64_t *random, unsigned seed) {
    uint64_t what = next_random(random) % 100;
    size_t size = random_size(random), first = mark_count ? marks[mark_count - 1].count : 0;
    if (count == PIECES || what == 0) {
        metes_arena_reset(arena);
        count = mark_count = 0;
    } else if (what < 4 && mark_count < MARKS) {
        marks[mark_count].mark = metes_arena_mark(arena);
        marks[mark_count++].count = count;
    } else if (what < 8 && mark_count) {
        mark_count = next_random(random) % mark_count;
        metes_arena_rewind(arena, marks[mark_count].mark);
        count = marks[mark_count].count;
    } else if (what < 9) {
        metes_arena_trim(arena);
    } else if (what < 20 && count > first) {
        struct piece *piece = &pieces[next_random(random) % 2 ? count - 1 : first + next_random(random) % (count - first)];
        unsigned char *at = metes_arena_realloc(arena, piece->at, piece->size, size);
        if (!at) return;
        CHECK(holds(at, 0, size < piece->size ? size : piece->size, piece->seed));
        fill(at, 0, size, piece->seed);
        piece->at = at;
        piece->size = size;
    } else if (what < 40) {
        add(metes_arena_aligned_alloc(arena, (size_t)1 << next_random(random) % 13, size), size, seed);
    } else {
        add(metes_arena_alloc(arena, size), size, seed);
    }
}

static char buffer[1 << 20];

int main(int argc, char **argv) {
    unsigned steps = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    uint64_t random = 88172645463325252u;
    struct metes_arena_options small = {.size = sizeof small, .first_chunk = 256, .max_chunk = 8192, .keep = 100000};
    struct metes_arena_options limited = {.size = sizeof limited, .limit = 700000};
    metes_arena *arenas[] = {
        metes_arena_new(NULL), metes_arena_new(&small), metes_arena_new(&limited),
        metes_arena_over(buffer, sizeof buffer),
    };
    for (int k = 0; k < 4; k++) {
        count = mark_count = 0;
        for (unsigned n = 0; n < steps / 4; n++) {
            step(arenas[k], &random, n);
            if (n % 500 == 0) verify(arenas[k]);
        }
        verify(arenas[k]);
        metes_arena_destroy(arenas[k]);
    }
    check_heap();
    return 0;
}
