// A handler that allocates and frees interrupts a program that uses setjmp and longjmp all the time, over blocks
// that it holds.
// args: 2
// soak-args: 60
// timeout: 30
#include "check.h"

#include <setjmp.h>

#include "include/interrupted.h"

static jmp_buf back;
static struct block held;

__attribute__((noreturn)) static void deeper(uint64_t *random, int depth) {
    struct block b = take(random);
    if (depth == 0 || next_random(random) % 4 == 0) {
        held = b;
        longjmp(back, 1);
    }
    give(b);
    deeper(random, depth - 1);
}

int main(int argc, char **argv) {
    double end = now() + (double)argument(argc, argv, 1, 2);
    static uint64_t random = 88172645463325252u;
    signal_every(ITIMER_REAL, 1000);
    while (now() < end) {
        if (setjmp(back) == 0) deeper(&random, 8);
        give(held);
        swap_one(&random);
    }
    signal_every(ITIMER_REAL, 0);
    swap_nothing_more();
    check_heap();
    return 0;
}
