// What metes_stack_* promises: both ends, alignments, marks, statistics and errors.
// stderr: metes: metes_stack_over: the buffer at 0x[0-9a-f]+ has 100 bytes; valid are some 150 and more, aligned to 16 bytes
// stderr: metes: metes_stack_over: the buffer at 0x[0-9a-f]+ has 1000 bytes; valid are some 150 and more, aligned to 16 bytes
// stderr: metes: metes_stack_new: options\.size is 3; valid is sizeof\(struct metes_stack_options\)
#include "check.h"

#include "metes.h"

_Alignas(64) static unsigned char buffer[4096];

static void refused(void) {
    errno = 0;
    CHECK(!metes_stack_over(buffer, 100) && errno == EINVAL);
    CHECK(!metes_stack_over(buffer + 8, 1000));
    struct metes_stack_options options = {.size = 3};
    errno = 0;
    CHECK(!metes_stack_new(1000, &options) && errno == EINVAL);
    errno = 0;
    CHECK(!metes_stack_new(opaque(SIZE_MAX), NULL) && errno == ENOMEM);
    metes_stack_destroy(NULL);
}

static void serves(metes_stack *stack, size_t bytes) {
    CHECK(stack && !metes_stack_check(stack));
    CHECK(metes_stack_used(stack) == 0 && metes_stack_left(stack) >= bytes);
    char *a = metes_stack_push(stack, 40), *none = metes_stack_push(stack, 0), *b = metes_stack_push(stack, 100);
    char *x = metes_stack_push_high(stack, 40), *y = metes_stack_push_high_aligned(stack, 128, 30);
    CHECK(a && none && b && x && y && a < none && none < b && b < y && y < x);
    CHECK(is_aligned(a, 16) && is_aligned(b, 16) && is_aligned(x, 16) && is_aligned(y, 128));
    fill(a, 0, 40, 1);
    fill(b, 0, 100, 2);
    fill(x, 0, 40, 3);
    fill(y, 0, 30, 4);
    uint64_t low = metes_stack_mark(stack), high = metes_stack_mark_high(stack);
    size_t used = metes_stack_used(stack);
    for (size_t alignment = 1; alignment <= 256; alignment *= 2) {
        char *p = metes_stack_push_aligned(stack, alignment, 10), *q = metes_stack_push_high_aligned(stack, alignment, 10);
        CHECK(p && q && is_aligned(p, alignment) && is_aligned(q, alignment));
        memset(p, 1, 10);
        memset(q, 1, 10);
    }
    CHECK(!metes_stack_check(stack) && metes_stack_used(stack) > used);
    metes_stack_rewind(stack, low);
    metes_stack_rewind_high(stack, high);
    CHECK(metes_stack_used(stack) == used && holds(a, 0, 40, 1) && holds(b, 0, 100, 2) && holds(x, 0, 40, 3) && holds(y, 0, 30, 4));
    errno = 0;
    CHECK(!metes_stack_push_aligned(stack, 48, 10) && errno == EINVAL);
    errno = 0;
    CHECK(!metes_stack_push(stack, metes_stack_left(stack)) && errno == ENOMEM);
    CHECK(!metes_stack_push_high(stack, opaque(SIZE_MAX)) && !metes_stack_push(stack, opaque(SIZE_MAX - 8)));
    // The one below goes with what is above it.
    metes_stack_pop(stack, none);
    CHECK(metes_stack_push(stack, 8) == none);
    metes_stack_pop_high(stack, x);
    metes_stack_pop(stack, NULL);
    metes_stack_pop(stack, a);
    CHECK(metes_stack_used(stack) == 0 && !metes_stack_check(stack));
    struct metes_stack_stats stats;
    CHECK(metes_stack_stats(stack, &stats, sizeof stats) == sizeof stats);
    CHECK(stats.peak > used && stats.left == stats.bytes && stats.low == 0 && stats.high == 0);
    // The ends meet: nothing is left.
    while (metes_stack_push(stack, 8) && metes_stack_push_high(stack, 8)) {
    }
    CHECK(metes_stack_left(stack) < 16 && !metes_stack_check(stack));
}

int main(void) {
    refused();
    metes_stack *stack = metes_stack_new(4000, NULL);
    serves(stack, 4000);
    metes_stack_destroy(stack);
    serves(metes_stack_over(buffer, sizeof buffer), 3900);
    // Without words: blocks stand side by side.
    struct metes_stack_options options = {.size = sizeof options, .marks_only = 1};
    stack = metes_stack_new(1 << 20, &options);
    CHECK(stack);
    uint64_t mark = metes_stack_mark(stack);
    char *first = metes_stack_push(stack, 16);
    for (int i = 1; i < 65536; i++) CHECK(metes_stack_push(stack, 16) == first + 16 * i);
    metes_stack_rewind(stack, mark);
    CHECK(metes_stack_used(stack) == 0 && !metes_stack_check(stack));
    metes_stack_destroy(stack);
    check_heap();
    return 0;
}
