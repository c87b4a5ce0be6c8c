// A mark is used whose place was popped.
// stderr: metes: M021 out of order: metes_stack_rewind: what the mark 0x[0-9a-f]+ stands behind is popped already
// exit: SIGABRT
#include "check.h"

#include "metes.h"

int main(void) {
    metes_stack *stack = metes_stack_new(4096, NULL);
    char *p = metes_stack_push(stack, 40), *q = metes_stack_push(stack, 40), *r = metes_stack_push(stack, 40);
    CHECK(p && q && r);
    uint64_t mark = metes_stack_mark(stack);
    metes_stack_pop(stack, q);
    metes_stack_rewind(stack, mark);
    return 0;
}
