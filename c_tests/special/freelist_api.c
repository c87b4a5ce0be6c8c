// What metes_freelist_* promises: sizes, alignments, zeroes, offsets, copies, growth, statistics and errors.
// stderr: metes: metes_freelist_init: the buffer at 0x[0-9a-f]+ has 255 bytes; valid are 256 and more, aligned to 16 bytes
// stderr: metes: metes_freelist_init: the buffer at 0x[0-9a-f]+ has 1000 bytes; valid are 256 and more, aligned to 16 bytes
// stderr: metes: metes_freelist_init: options\.fit is 9; valid are METES_FIT_BEST, _FIRST and _WORST, 0 to 2
// stderr: metes: metes_freelist_init: options\.size is 4; valid is sizeof\(struct metes_freelist_options\)
// stderr: metes: metes_freelist_init: the buffer is NULL
#include "check.h"

#include "metes.h"

_Alignas(4096) static unsigned char buffer[64 << 10], copy[80 << 10];

static int count(void *argument, void *block, size_t bytes, int in_use) {
    CHECK(is_aligned(block, 16) && bytes >= 24);
    ((size_t *)argument)[in_use]++;
    return 0;
}

static int stop(void *argument, void *block, size_t bytes, int in_use) {
    (void)argument, (void)block, (void)bytes, (void)in_use;
    return 7;
}

static void refused(void) {
    struct metes_freelist_options options = {.size = sizeof options, .fit = 9};
    errno = 0;
    CHECK(!metes_freelist_init(buffer, 255, NULL) && errno == EINVAL);
    CHECK(!metes_freelist_init(buffer + 8, 1000, NULL));
    CHECK(!metes_freelist_init(buffer, sizeof buffer, &options));
    options.size = 4;
    CHECK(!metes_freelist_init(buffer, sizeof buffer, &options));
    CHECK(!metes_freelist_init(NULL, 1000, NULL));
    errno = 0;
    CHECK(!metes_freelist_attach(buffer, sizeof buffer) && errno == EINVAL);
    CHECK(!metes_freelist_attach(NULL, sizeof buffer));
}

static void serves(unsigned fit) {
    // An older caller's options have no more than a size and a fit.
    struct metes_freelist_options options = {.size = offsetof(struct metes_freelist_options, shared), .fit = fit, .shared = 1};
    metes_freelist *list = metes_freelist_init(buffer, sizeof buffer, &options);
    CHECK(list && (void *)list == (void *)buffer && !metes_freelist_check(list));
    struct metes_freelist_stats empty, now;
    CHECK(metes_freelist_stats(list, &empty, sizeof empty) == sizeof empty);
    CHECK(empty.bytes == sizeof buffer && empty.live == 0 && empty.free_blocks == 1 && empty.largest == empty.free - 8);

    char *a = metes_freelist_malloc(list, 100), *b = metes_freelist_calloc(list, 10, 10);
    char *none = metes_freelist_malloc(list, 0), *other = metes_freelist_malloc(list, 0);
    CHECK(a && b && none && other && none != other && all_bytes_are(b, 100, 0));
    CHECK(metes_freelist_usable_size(list, a) >= 100 && metes_freelist_usable_size(list, NULL) == 0);
    for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        char *p = metes_freelist_aligned_alloc(list, alignment, 33);
        CHECK(p && is_aligned(p, alignment));
        memset(p, 1, 33);
        CHECK(!metes_freelist_check(list));
        metes_freelist_free(list, p);
    }
    fill(a, 0, 100, 1);
    CHECK(metes_freelist_owns(list, a) && !metes_freelist_owns(list, a + 16) && !metes_freelist_owns(list, &now));
    CHECK(metes_freelist_pointer(list, metes_freelist_offset(list, a)) == a);
    CHECK(metes_freelist_offset(list, NULL) == 0 && metes_freelist_pointer(list, 0) == NULL);
    errno = 0;
    CHECK(metes_freelist_offset(list, &now) == 0 && errno == EINVAL);
    errno = 0;
    CHECK(metes_freelist_pointer(list, sizeof buffer) == NULL && errno == EINVAL);

    size_t seen[2] = {0, 0};
    CHECK(metes_freelist_walk(list, count, seen) == 0 && seen[1] == 4 && seen[0] >= 1);
    CHECK(metes_freelist_walk(list, stop, NULL) == 7);
    CHECK(metes_freelist_stats(list, &now, sizeof now) && now.blocks == 4 && now.live + now.free == empty.free);
    // An older caller's statistics are shorter.
    now.peak = 12345;
    CHECK(metes_freelist_stats(list, &now, offsetof(struct metes_freelist_stats, peak)) < sizeof now && now.peak == 12345);

    errno = 0;
    CHECK(!metes_freelist_malloc(list, sizeof buffer) && errno == ENOMEM);
    CHECK(!metes_freelist_calloc(list, opaque(SIZE_MAX), 2) && !metes_freelist_malloc(list, opaque(SIZE_MAX)));
    CHECK(!metes_freelist_aligned_alloc(list, opaque((size_t)1 << 63), 1));
    errno = 0;
    CHECK(!metes_freelist_aligned_alloc(list, 48, 1) && errno == EINVAL);

    // In place where there is room, else elsewhere.
    other = metes_freelist_realloc(list, other, 200);
    fill(other, 0, 200, 2);
    char *grown = metes_freelist_realloc(list, other, 20000);
    CHECK(holds(grown, 0, 200, 2));
    CHECK(metes_freelist_realloc(list, grown, 30) == grown && holds(grown, 0, 30, 2));
    CHECK(!metes_freelist_realloc(list, a, opaque((size_t)1 << 40)) && holds(a, 0, 100, 1));
    CHECK(metes_freelist_realloc(list, a, 0) == a);
    char *fresh = metes_freelist_realloc(list, NULL, 50);
    CHECK(fresh && !metes_freelist_check(list));

    // Elsewhere, with everything in it.
    fill(b, 0, 100, 3);
    memcpy(copy, buffer, sizeof buffer);
    memset(buffer, 0xee, sizeof buffer);
    errno = 1;
    metes_freelist *moved = metes_freelist_attach(copy, sizeof copy);
    CHECK(moved && errno == 0 && !metes_freelist_unfinished(moved));
    char *moved_b = (char *)copy + (b - (char *)buffer);
    CHECK(holds(moved_b, 0, 100, 3) && metes_freelist_usable_size(moved, moved_b) >= 100);
    CHECK(metes_freelist_grow(moved, sizeof copy) == 0);
    errno = 0;
    CHECK(metes_freelist_grow(moved, 1000) == -1 && errno == EINVAL);
    CHECK(metes_freelist_stats(moved, &now, sizeof now) && now.bytes == sizeof copy && now.largest > 16 << 10);
    CHECK(metes_freelist_recover(moved) == 0 && !metes_freelist_check(moved));
    metes_freelist_free(moved, moved_b);
    metes_freelist_free(moved, (char *)copy + (a - (char *)buffer));
    metes_freelist_free(moved, (char *)copy + (none - (char *)buffer));
    metes_freelist_free(moved, (char *)copy + (grown - (char *)buffer));
    metes_freelist_free(moved, (char *)copy + (fresh - (char *)buffer));
    metes_freelist_free(moved, NULL);
    CHECK(metes_freelist_stats(moved, &now, sizeof now) && now.blocks == 0 && now.free_blocks == 1 && now.live == 0);
    CHECK(!metes_freelist_check(moved));
}

int main(void) {
    refused();
    serves(METES_FIT_BEST);
    serves(METES_FIT_FIRST);
    serves(METES_FIT_WORST);
    return 0;
}
