// What is popped differs from a block in the upper bits of its address alone.
// env: METES_OPTIONS=abort=no
// stderr: metes: M004 foreign pointer: metes_stack_pop: 0x[0-9a-f]+: not from the stack at 0x[0-9a-f]+
// stderr: metes: M004 foreign pointer: metes_stack_pop: 0xff[0-9a-f]+: not from the stack at 0x[0-9a-f]+
// stderr: metes: M004 foreign pointer: metes_stack_pop: 0x[0-9a-f]+: not from the stack at 0x[0-9a-f]+
#include "check.h"
#include "metes.h"

static void refused(metes_stack *stack, uintptr_t address) {
    size_t used = metes_stack_used(stack);
    metes_stack_pop(stack, opaque((void *)address));
    CHECK(!metes_stack_check(stack) && metes_stack_used(stack) == used);
}

int main(void) {
    metes_stack *stack = metes_stack_new(1 << 20, NULL);
    char *a = metes_stack_push(stack, 100), *b = metes_stack_push(stack, 100);
    CHECK(a && b);
    refused(stack, (uintptr_t)b ^ 1ull << 43);
    refused(stack, (uintptr_t)b | 0xffull << 56);
    // A word says the alignment above the bytes.
    CHECK(metes_stack_push_aligned(stack, 32, 100));
    refused(stack, (uintptr_t)b + 112 - (1ull << 38));
    metes_stack_pop(stack, a);
    CHECK(metes_stack_used(stack) == 0);
    metes_stack_destroy(stack);
    return 0;
}
