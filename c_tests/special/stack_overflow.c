// A block is written past its end, and popped.
// stderr: metes: M005 header overwritten: the 8 bytes at 0x[0-9a-f]+ in the stack at 0x[0-9a-f]+, next to a block, are 0x4141414141414141
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    memset(opaque(r), 0x41, 48);
    metes_stack_pop(stack, r);
    return 0;
}
