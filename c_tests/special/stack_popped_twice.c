// The same block is popped twice.
// stderr: metes: M021 out of order: metes_stack_pop: 0x[0-9a-f]+: it is popped already
// detail: stack of [0-9]+ bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    metes_stack_pop(stack, r);
    metes_stack_pop(stack, opaque(r));
    return 0;
}
