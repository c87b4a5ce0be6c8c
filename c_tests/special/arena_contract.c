// What each function of an arena promises.
// stderr: metes: metes_arena_new: first_chunk=100 is not valid: valid are 0, and 256 to max_chunk
// stderr: metes: metes_arena_new: max_chunk=255 is not valid: valid are 0, and 256 to 1 TiB
// stderr: metes: metes_arena_new: limit=1 is not valid: valid are 0, and 256 and more
// stderr: metes: metes_arena_over: bytes=100 is not valid: valid are a buffer and [0-9]+ and more
#include "check.h"
#include "metes.h"

#define VALID(arena) CHECK(!metes_arena_check(arena))

static void pieces(metes_arena *arena) {
    char *first = metes_arena_alloc(arena, 0), *second = metes_arena_alloc(arena, 0);
    CHECK(first && second && first != second && is_aligned(first, 16) && is_aligned(second, 16));
    for (size_t align = 1; align <= 65536; align *= 2) {
        char *piece = metes_arena_aligned_alloc(arena, align, align + 1);
        CHECK(piece && is_aligned(piece, align));
        memset(piece, 0xff, align + 1);
    }
    size_t not_powers[] = {0, 3, 24, SIZE_MAX};
    for (size_t k = 0; k < 4; k++) {
        errno = 0;
        CHECK(!metes_arena_aligned_alloc(arena, opaque(not_powers[k]), 8) && errno == EINVAL);
    }
    for (size_t bytes = 1; bytes < 100000; bytes = bytes * 3 + 1) {
        char *zero = metes_arena_calloc(arena, bytes, 1);
        CHECK(zero && all_bytes_are(zero, bytes, 0));
        memset(zero, 0xff, bytes);
    }
    errno = 0;
    CHECK(!metes_arena_calloc(arena, opaque(SIZE_MAX / 2), 3) && errno == ENOMEM);
    errno = 0;
    CHECK(!metes_arena_array(arena, opaque((size_t)1 << 33), (size_t)1 << 33) && errno == ENOMEM);
    size_t huge[] = {SIZE_MAX, SIZE_MAX - 100, SIZE_MAX / 2, (size_t)1 << 50};
    for (size_t k = 0; k < 4; k++) {
        errno = 0;
        CHECK(!metes_arena_alloc(arena, opaque(huge[k])) && errno == ENOMEM);
        errno = 0;
        CHECK(!metes_arena_aligned_alloc(arena, opaque((size_t)1 << 62), opaque(huge[k])) && errno == ENOMEM);
    }
    errno = 7;
    CHECK(metes_arena_array(arena, 1000, 1000) && errno == 7);
    VALID(arena);
}

static void resizing(metes_arena *arena) {
    char *piece = metes_arena_realloc(arena, NULL, 0, 10);
    CHECK(piece);
    fill(piece, 0, 10, 1);
    CHECK(metes_arena_realloc(arena, piece, 10, 100) == piece && holds(piece, 0, 10, 1));
    fill(piece, 0, 100, 1);
    CHECK(metes_arena_realloc(arena, piece, 100, 20) == piece);
    char *other = metes_arena_alloc(arena, 1);
    char *moved = metes_arena_realloc(arena, piece, 20, 2000);
    CHECK(moved && moved != piece && holds(moved, 0, 20, 1) && metes_arena_owns(arena, other));
    fill(moved, 0, 2000, 2);
    // Through all chunks, and to one of its own.
    for (size_t bytes = 2000; bytes < 8 * MIB; bytes *= 2) {
        moved = metes_arena_realloc(arena, moved, bytes, 2 * bytes);
        CHECK(moved && holds(moved, 0, bytes, 2));
        fill(moved, bytes, 2 * bytes, 2);
    }
    CHECK(!metes_arena_realloc(arena, moved, 1, opaque(SIZE_MAX)) && errno == ENOMEM);
    VALID(arena);
}

static void copies(metes_arena *arena) {
    char *text = metes_arena_strdup(arena, "metes"), *cut = metes_arena_strndup(arena, "bounds", 3);
    CHECK(!strcmp(text, "metes") && !strcmp(cut, "bou") && cut == text + 6);
    const char not_terminated[3] = {'a', 'b', 'c'};
    CHECK(!strcmp(metes_arena_strndup(arena, not_terminated, 3), "abc"));
    CHECK(!strcmp(metes_arena_strndup(arena, "ab", 100), "ab") && !*metes_arena_strdup(arena, ""));
    int numbers[] = {1, 2, 3}, *same = metes_arena_memdup(arena, numbers, sizeof numbers);
    CHECK(is_aligned(same, 16) && !memcmp(same, numbers, sizeof numbers));
    CHECK(!strcmp(metes_arena_printf(arena, "%d and %s", 7, "more"), "7 and more"));
    char *wide = metes_arena_printf(arena, "%*d", 100000, 5);
    CHECK(strlen(wide) == 100000 && wide[99999] == '5' && wide[0] == ' ');
    CHECK(!*metes_arena_printf(arena, "%s", ""));
    VALID(arena);
}

static void statistics(metes_arena *arena) {
    struct metes_arena_stats now, before;
    memset(&now, 0xff, sizeof now);
    before = now;
    CHECK(metes_arena_stats(arena, &now, 2 * sizeof(size_t)) == 2 * sizeof(size_t));
    CHECK(now.used == metes_arena_used(arena) && now.held == before.held && now.rewinds == before.rewinds);
    char large[sizeof now + 8];
    memset(large, 0xff, sizeof large);
    CHECK(metes_arena_stats(arena, (void *)large, sizeof large) == sizeof now && large[sizeof now] == (char)0xff);
    CHECK(metes_arena_stats(arena, &now, sizeof now) == sizeof now);
    CHECK(now.held == metes_arena_held(arena) && now.used <= now.used_peak && now.used < now.held && now.requests);
    int here;
    CHECK(!metes_arena_owns(arena, &here) && !metes_arena_owns(arena, NULL));
    metes_arena_reset(arena);
    CHECK(metes_arena_used(arena) == 0 && metes_arena_held(arena) == now.held);
    CHECK(metes_arena_trim(arena) == now.held && metes_arena_held(arena) == 0);
    CHECK(metes_arena_alloc(arena, 1));
    VALID(arena);
}

static void invalid_options(void) {
    struct metes_arena_options options = {.size = sizeof options, .first_chunk = 100};
    errno = 0;
    CHECK(!metes_arena_new(&options) && errno == EINVAL);
    options = (struct metes_arena_options){.size = sizeof options, .max_chunk = 255};
    CHECK(!metes_arena_new(&options));
    options = (struct metes_arena_options){.size = sizeof options, .limit = 1};
    CHECK(!metes_arena_new(&options));
    char buffer[100];
    errno = 0;
    CHECK(!metes_arena_over(buffer, sizeof buffer) && errno == EINVAL);
    // An older caller's struct ends before what it does not know.
    options = (struct metes_arena_options){.size = 2 * sizeof(size_t), .first_chunk = 512, .limit = 1};
    metes_arena *arena = metes_arena_new(&options);
    CHECK(arena && metes_arena_alloc(arena, 1) && metes_arena_held(arena) == 512);
    metes_arena_destroy(arena);
}

int main(void) {
    invalid_options();
    metes_arena_destroy(NULL);
    metes_arena *arena = metes_arena_new(NULL);
    CHECK(arena && metes_arena_held(arena) == 0);
    pieces(arena);
    resizing(arena);
    copies(arena);
    statistics(arena);
    metes_arena_destroy(arena);
    check_heap();
    return 0;
}
