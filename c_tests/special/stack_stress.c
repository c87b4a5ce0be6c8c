// Random pushes, pops, marks and rewinds at both ends, against what the program knows.
// args: 300000
// soak-args: 20000000
#include "check.h"

#include "metes.h"

enum { DEEP = 3000 };
struct one { char *block; size_t size; };
static struct one held[2][DEEP];
static unsigned count[2];

int main(int argc, char **argv) {
    long operations = argc > 1 ? atol(argv[1]) : 10000;
    metes_stack *stack = metes_stack_new(200000, NULL);
    uint64_t state = 88172645463325252ull, marks[2][8];
    unsigned at_mark[2][8], marked[2] = {0, 0};
    for (long i = 0; i < operations; i++) {
        unsigned end = next_random(&state) & 1, kind = (unsigned)(next_random(&state) % 16);
        size_t n = next_random(&state) % 400;
        if (kind < 9 && count[end] < DEEP) {
            size_t alignment = kind == 0 ? (size_t)16 << n % 6 : 16;
            char *p = end ? metes_stack_push_high_aligned(stack, alignment, n) : metes_stack_push_aligned(stack, alignment, n);
            if (p) {
                CHECK(is_aligned(p, alignment));
                fill(p, 0, n, count[end] + end);
                held[end][count[end]++] = (struct one){p, n};
            }
        } else if (kind < 14 && count[end]) {
            unsigned down = (unsigned)(n % 3) < count[end] ? (unsigned)(n % 3) : 0;
            count[end] -= down + 1;
            struct one *one = &held[end][count[end]];
            CHECK(holds(one->block, 0, one->size, count[end] + end));
            end ? metes_stack_pop_high(stack, one->block) : metes_stack_pop(stack, one->block);
            while (marked[end] && at_mark[end][marked[end] - 1] > count[end]) marked[end]--;
        } else if (kind == 14 && marked[end] < 8) {
            marks[end][marked[end]] = end ? metes_stack_mark_high(stack) : metes_stack_mark(stack);
            at_mark[end][marked[end]++] = count[end];
        } else if (kind == 15 && marked[end]) {
            marked[end]--;
            count[end] = at_mark[end][marked[end]];
            end ? metes_stack_rewind_high(stack, marks[end][marked[end]]) : metes_stack_rewind(stack, marks[end][marked[end]]);
        }
        if (i % 4096 == 0) {
            const char *broken = metes_stack_check(stack);
            if (broken) check_failed(__FILE__, __LINE__, broken);
            for (end = 0; end < 2; end++)
                for (unsigned k = 0; k < count[end]; k++) CHECK(holds(held[end][k].block, 0, held[end][k].size, k + end));
        }
    }
    CHECK(!metes_stack_check(stack));
    metes_stack_destroy(stack);
    return 0;
}
