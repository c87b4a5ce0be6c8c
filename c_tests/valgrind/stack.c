// Memcheck knows the blocks of a stack: overruns, and uses of what was popped.
// ways: memcheck
// exit: 9
// stderr: Invalid write of size 1
// stderr: Invalid read of size 1
// stderr: Invalid read of size 1
// stderr: Conditional jump or move depends on uninitialised value\(s\)
#include "check.h"

#include "metes.h"

static volatile int sink;

#define FROM_METES(name) static __typeof__(metes_stack_##name) *name##_of
FROM_METES(new);
FROM_METES(push);
FROM_METES(push_high);
FROM_METES(pop);
FROM_METES(mark_high);
FROM_METES(rewind_high);
FROM_METES(check);
FROM_METES(destroy);
#define FIND(name) CHECK((name##_of = (__typeof__(name##_of))dlsym(RTLD_DEFAULT, "metes_stack_" #name)))

__attribute__((noinline)) static void branch(const char *p) {
    if (*(volatile const char *)p == 'x') sink++;
}

int main(void) {
    FIND(new);
    FIND(push);
    FIND(push_high);
    FIND(pop);
    FIND(mark_high);
    FIND(rewind_high);
    FIND(check);
    FIND(destroy);
    metes_stack *stack = new_of(4096, NULL);
    char *p = push_of(stack, 10), *q = push_of(stack, 20);
    uint64_t mark = mark_high_of(stack);
    char *high = push_high_of(stack, 10);
    p[9] = q[19] = high[9] = 1;
    opaque(p)[10] = 1;
    pop_of(stack, q);
    sink += opaque(q)[19];
    rewind_high_of(stack, mark);
    sink += opaque(high)[9];
    q = push_of(stack, 20);
    branch(q + 19);
    CHECK(!check_of(stack));
    destroy_of(stack);
    return 0;
}
