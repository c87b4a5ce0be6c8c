// A block of the high end is popped from the low one.
// stderr: metes: M021 out of order: metes_stack_pop: 0x[0-9a-f]+: it is from the other end of the stack
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    metes_stack_pop(stack, metes_stack_push_high(stack, 40));
    return 0;
}
