// What is no mark is used as one.
// stderr: metes: M004 foreign pointer: metes_stack_rewind: 0x3039 is no mark of this end of the stack
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    metes_stack_rewind(stack, 12345);
    return 0;
}
