// A pointer into a block is popped.
// stderr: metes: M003 interior pointer: metes_stack_pop: 0x[0-9a-f]+: 16 bytes into the block at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    metes_stack_pop(stack, q + 16);
    return 0;
}
