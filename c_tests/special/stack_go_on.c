// With abort=no each misuse is reported, its call does nothing, and the stack is whole.
// env: METES_OPTIONS=abort=no
// stderr: metes: M021 out of order: metes_stack_pop_high: 0x[0-9a-f]+: it is popped already
// stderr: metes: M021 out of order: metes_stack_pop_high: 0x[0-9a-f]+: it is from the other end of the stack
// stderr: metes: M003 interior pointer: metes_stack_pop_high: 0x[0-9a-f]+: 8 bytes into the block at 0x[0-9a-f]+
// stderr: metes: M021 out of order: metes_stack_rewind_high: what the mark 0x[0-9a-f]+ stands behind is popped already
// stderr: metes: M021 out of order: metes_stack_pop: 0x[0-9a-f]+: the stack was made for marks alone
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *low = metes_stack_push(stack, 40), *p = metes_stack_push_high(stack, 40), *q = metes_stack_push_high(stack, 40);
    CHECK(low && p && q);
    fill(p, 0, 40, 1);
    uint64_t mark = metes_stack_mark_high(stack);
    metes_stack_pop_high(stack, q);
    metes_stack_pop_high(stack, opaque(q));
    metes_stack_pop_high(stack, low);
    metes_stack_pop_high(stack, p + 8);
    metes_stack_rewind_high(stack, mark);
    CHECK(!metes_stack_check(stack) && holds(p, 0, 40, 1));
    metes_stack_pop_high(stack, p);
    metes_stack_pop(stack, low);
    CHECK(metes_stack_used(stack) == 0);
    metes_stack_destroy(stack);
    struct metes_stack_options options = {.size = sizeof options, .marks_only = 1};
    stack = metes_stack_new(4096, &options);
    metes_stack_pop(stack, metes_stack_push(stack, 10));
    CHECK(metes_stack_used(stack) != 0);
    metes_stack_destroy(stack);
    return 0;
}
