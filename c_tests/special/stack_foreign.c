// A block of malloc is popped.
// stderr: metes: M004 foreign pointer: metes_stack_pop: 0x[0-9a-f]+: not from the stack at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    metes_stack_pop(stack, malloc(1000000));
    return 0;
}
