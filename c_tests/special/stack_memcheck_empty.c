// Memcheck has nothing to say of empty blocks where blocks have no words between them.
// ways: memcheck
#include "check.h"
#include "metes.h"

// The program is linked without metes, which is preloaded.
#pragma weak metes_stack_new
#pragma weak metes_stack_destroy
#pragma weak metes_stack_push
#pragma weak metes_stack_mark
#pragma weak metes_stack_rewind

int main(void) {
    struct metes_stack_options options = {.size = sizeof options, .marks_only = 1};
    metes_stack *stack = metes_stack_new(1000, &options);
    uint64_t mark = metes_stack_mark(stack);
    for (int i = 0; i < 2; i++) {
        char *empty = metes_stack_push(stack, 0), *block = metes_stack_push(stack, 10);
        CHECK(empty && block);
        block[0] = 1;
        metes_stack_rewind(stack, mark);
    }
    metes_stack_destroy(stack);
    return 0;
}
