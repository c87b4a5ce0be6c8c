// metes' stack beside glibc's obstack: nanoseconds of CPU time for a push and its pop, blocks of 16 to 256 bytes.
//
//     cc -O2 -Iinclude benches/special/stack.c -o target/stack-bench -Ltarget/release -lmetes && \
//         LD_LIBRARY_PATH=target/release taskset -c 1 target/stack-bench
//
// The least of the rounds counts; rounds are interleaved. Chunks of the obstacks come from the libc's malloc or metes', whatever the program has.
#include <metes.h>
#include <obstack.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

enum { DEPTH = 64, TURNS = 20000, ROUNDS = 15, FRAME = 20 };

static size_t sizes[DEPTH];
static void *blocks[DEPTH];
static struct obstack obstack;
static metes_stack *stack, *marks;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void touch(void *block) { *(volatile char *)block = 1; }

static void obstack_pairs(void) {
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < DEPTH; i++) {
            void *block = obstack_alloc(&obstack, sizes[i]);
            touch(block);
            obstack_free(&obstack, block);
        }
}

static void metes_pairs(void) {
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < DEPTH; i++) {
            void *block = metes_stack_push(stack, sizes[i]);
            touch(block);
            metes_stack_pop(stack, block);
        }
}

static void obstack_deep(void) {
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < DEPTH; i++) touch(blocks[i] = obstack_alloc(&obstack, sizes[i]));
        for (int i = DEPTH; i-- > 0;) obstack_free(&obstack, blocks[i]);
    }
}

static void metes_deep(void) {
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < DEPTH; i++) touch(blocks[i] = metes_stack_push(stack, sizes[i]));
        for (int i = DEPTH; i-- > 0;) metes_stack_pop(stack, blocks[i]);
    }
}

static void obstack_frames(void) {
    for (int turn = 0; turn < TURNS * DEPTH / FRAME; turn++) {
        void *first = obstack_alloc(&obstack, 16);
        for (int i = 1; i < FRAME; i++) touch(obstack_alloc(&obstack, sizes[i]));
        obstack_free(&obstack, first);
    }
}

static void metes_frames(void) {
    for (int turn = 0; turn < TURNS * DEPTH / FRAME; turn++) {
        uint64_t mark = metes_stack_mark(marks);
        touch(metes_stack_push(marks, 16));
        for (int i = 1; i < FRAME; i++) touch(metes_stack_push(marks, sizes[i]));
        metes_stack_rewind(marks, mark);
    }
}

int main(void) {
    static void (*const all[])(void) = {obstack_pairs, metes_pairs, obstack_deep, metes_deep, obstack_frames, metes_frames};
    static const char *const names[] = {"push, pop", "64 pushes, 64 pops", "20 pushes, one rewind"};
    double least[6];
    uint64_t state = 88172645463325252ull;
    for (int i = 0; i < DEPTH; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        sizes[i] = 16 + state % 241;
    }
    struct metes_stack_options options = {.size = sizeof options, .marks_only = 1};
    stack = metes_stack_new(1 << 20, NULL);
    marks = metes_stack_new(1 << 20, &options);
    obstack_begin(&obstack, 1 << 20);
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < 6; k++) {
            double begin = now();
            all[k]();
            double ns = (now() - begin) / ((double)TURNS * DEPTH);
            if (round == 0 || ns < least[k]) least[k] = ns;
        }
    printf("%-24s %10s %10s %8s\n", "ns for a push and a pop", "obstack", "metes", "ratio");
    for (int k = 0; k < 3; k++)
        printf("%-24s %10.2f %10.2f %8.2f\n", names[k], least[2 * k], least[2 * k + 1], least[2 * k + 1] / least[2 * k]);
    return metes_stack_check(stack) || metes_stack_check(marks);
}
