// What a buddy allocator promises, over memory of malloc's, over the caller's, and over offsets.
// ways: so a
// stderr: metes: metes_buddy_new: bytes is [0-9]+; valid: .*
#include "check.h"
#include "metes.h"

static unsigned long state = 1;

static unsigned number(unsigned below) {
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(state >> 33) % below;
}

static size_t power(size_t bytes, size_t least) {
    size_t power = least;
    while (power < bytes) power *= 2;
    return power;
}

// Random work; every block keeps its pattern, and all comes together again.
static void churn(struct metes_buddy *buddy, size_t least) {
    enum { MOST = 2000 };
    static struct { unsigned char *start; size_t bytes; } live[MOST];
    struct metes_buddy_stats before, after;
    unsigned count = 0;
    metes_buddy_stats(buddy, &before, sizeof before);
    for (int step = 0; step < 20000; step++) {
        size_t bytes = number(1u << number(14));
        unsigned which = count ? number(count) : 0;
        if (count < MOST && number(2)) {
            unsigned char *p = metes_buddy_alloc(buddy, bytes);
            if (!p) continue;
            size_t usable = metes_buddy_usable_size(buddy, p);
            CHECK(usable == power(bytes, least) && (uintptr_t)p % usable == 0);
            memset(p, (int)((uintptr_t)p >> 4), usable);
            live[count].start = p;
            live[count++].bytes = usable;
        } else if (count && number(4) == 0) {
            unsigned char mark = live[which].start[0];
            unsigned char *p = metes_buddy_realloc(buddy, live[which].start, bytes);
            if (!p) continue;
            size_t kept = live[which].bytes < bytes ? live[which].bytes : bytes;
            for (size_t i = 0; i < kept; i++) CHECK(p[i] == mark);
            live[which].start = p;
            live[which].bytes = metes_buddy_usable_size(buddy, p);
            memset(p, (int)((uintptr_t)p >> 4), live[which].bytes);
        } else if (count) {
            for (size_t i = 0; i < live[which].bytes; i++) CHECK(live[which].start[i] == live[which].start[0]);
            metes_buddy_free(buddy, live[which].start);
            live[which] = live[--count];
        }
        if (step % 500 == 0) CHECK(metes_buddy_check(buddy) == NULL);
    }
    while (count) metes_buddy_free(buddy, live[--count].start);
    metes_buddy_stats(buddy, &after, sizeof after);
    CHECK(memcmp(&before, &after, sizeof before) == 0 && after.free == after.total);
    CHECK(metes_buddy_check(buddy) == NULL);
}

static void lowest_first(void) {
    struct metes_buddy_options options = {.size = sizeof options, .min_block = 256, .max_block = 4096};
    struct metes_buddy *buddy = metes_buddy_new(NULL, 16384, &options);
    struct metes_buddy_stats stats;
    char *first = metes_buddy_alloc(buddy, 0);
    CHECK(metes_buddy_alloc(buddy, 256) == first + 256 && metes_buddy_alloc_order(buddy, 2) == first + 1024);
    CHECK(metes_buddy_alloc(buddy, 257) == first + 512 && metes_buddy_alloc_order(buddy, 4) == first + 4096);
    errno = 0;
    CHECK(!metes_buddy_alloc(buddy, 4097) && errno == ENOMEM && !metes_buddy_alloc(buddy, opaque(SIZE_MAX)));
    CHECK(!metes_buddy_alloc_order(buddy, 5) && !metes_buddy_alloc_order(buddy, SIZE_MAX));
    metes_buddy_stats(buddy, &stats, sizeof stats);
    CHECK(stats.total == 16384 && stats.free == 16384 - 4096 - 2048 && stats.largest_free == 4096);
    CHECK(stats.free_blocks[4] == 2 && stats.free_blocks[3] == 1 && stats.min_block == 256 && stats.max_block == 4096);
    // In place where the buddy is free: downwards always, upwards too.
    CHECK(metes_buddy_realloc(buddy, first + 4096, 10) == first + 4096);
    CHECK(metes_buddy_usable_size(buddy, first + 4096) == 256);
    CHECK(metes_buddy_realloc(buddy, first + 4096, 4000) == first + 4096);
    CHECK(metes_buddy_realloc(buddy, first, 512) != first);
    metes_buddy_reset(buddy);
    CHECK(metes_buddy_check(buddy) == NULL && metes_buddy_alloc_order(buddy, 4) == first);
    metes_buddy_free(buddy, NULL);
    CHECK(metes_buddy_usable_size(buddy, NULL) == 0);
    metes_buddy_destroy(buddy);
    metes_buddy_destroy(NULL);
}

static void of_the_callers(void) {
    static unsigned char memory[300000];
    unsigned char *range = memory + 77;
    struct metes_buddy_options options = {.size = sizeof options};
    options.control_bytes = metes_buddy_control_bytes(range, 200001, &options);
    CHECK(options.control_bytes > 0 && options.control_bytes < 16384);
    options.control = malloc(options.control_bytes + 1);
    ((char *)options.control)[options.control_bytes] = 55;
    memset(memory, 99, sizeof memory);
    struct metes_buddy *buddy = metes_buddy_new(range, 200001, &options);
    CHECK((void *)buddy == options.control);
    // Nothing of the range was touched.
    for (size_t i = 0; i < sizeof memory; i++) CHECK(memory[i] == 99);
    churn(buddy, 64);
    for (size_t i = 0; i < 77; i++) CHECK(memory[i] == 99);
    for (size_t i = 77 + 200001; i < sizeof memory; i++) CHECK(memory[i] == 99);
    metes_buddy_destroy(buddy);
    CHECK(((char *)options.control)[options.control_bytes] == 55);
    free(options.control);
}

static void of_offsets(void) {
    struct metes_buddy_options options = {.size = sizeof options, .min_block = 1 << 20, .offsets = 1};
    struct metes_buddy *buddy = metes_buddy_new(NULL, (size_t)3 << 40, &options);
    CHECK(metes_buddy_alloc_offset(buddy, (size_t)1 << 41) == 0);
    CHECK(metes_buddy_alloc_offset(buddy, 1) == (size_t)1 << 41);
    CHECK(metes_buddy_alloc_offset(buddy, 5 << 20) == ((size_t)1 << 41) + (8 << 20));
    errno = 0;
    CHECK(metes_buddy_alloc_offset(buddy, (size_t)1 << 40) == SIZE_MAX && errno == ENOMEM);
    CHECK(!metes_buddy_alloc(buddy, 1) && errno == EINVAL);
    metes_buddy_free_offset(buddy, 0);
    CHECK(metes_buddy_alloc_offset(buddy, (size_t)1 << 40) == 0 && metes_buddy_check(buddy) == NULL);
    metes_buddy_destroy(buddy);
}

int main(void) {
    struct metes_buddy *buddy = metes_buddy_new(NULL, 1234567, NULL);
    churn(buddy, 64);
    metes_buddy_destroy(buddy);
    struct metes_buddy_options shared = {.size = sizeof shared, .min_block = 16, .shared = 1};
    buddy = metes_buddy_new(NULL, 500000, &shared);
    churn(buddy, 16);
    metes_buddy_destroy(buddy);
    lowest_first();
    of_the_callers();
    of_offsets();
    CHECK(metes_buddy_control_bytes(NULL, 0, NULL) == 0 && errno == EINVAL);
    check_heap();
    return 0;
}
