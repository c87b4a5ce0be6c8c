// A free that finds the thread's cache full and takes objects out of it is interrupted at each of its instructions.
// The handler allocates the same size, or frees it. No object is in two places, and each call is counted once.
// args: 2
// soak-args: 1
#include "include/step.h"

enum { MOST = 100, TAKEN = 6, AGAIN = 20, SLOW = 150 };

static struct block blocks[MOST], taken[TAKEN];
static size_t size;
static int count, before;

static void take_some(void) {
    for (int i = 0; i < TAKEN; i++) taken[i] = get(size);
}

static void free_some(void) {
    for (int i = 0; i < TAKEN; i++) put(blocks[--count]);
}

static void one(void) {
    start_counts();
    for (count = 0; count < before + 1 + 2 * TAKEN; count++) blocks[count] = get(size);
    for (int i = 0; i < before; i++) put(blocks[i]);
    void *stepped = blocks[before].at;
    STEP(free(stepped));
    frees_made++;
    for (int i = before + 1; i < count; i++) put(blocks[i]);
    if (acted && step_action == take_some)
        for (int i = 0; i < TAKEN; i++) put(taken[i]);
    // Gets all that is free by then, each object once.
    for (int i = 0; i < AGAIN; i++) blocks[i] = get(size);
    check_heap();
    for (int i = 0; i < AGAIN; i++) put(blocks[i]);
    check_counts();
}

// Finds a free that does more than push, after the one that lets the stack grow.
static void step_through(size_t bytes, long stride) {
    size = bytes;
    int slow = 0;
    for (before = 0; before < MOST - 1 - 2 * TAKEN; before++) {
        long length = instructions_of(one);
        if (length == 0 || (length > SLOW && ++slow == 2)) break;
    }
    act_at_each(one, take_some, stride);
    act_at_each(one, free_some, stride);
}

int main(int argc, char **argv) {
    long stride = argument(argc, argv, 1, 2);
    step_begin();
    step_through(32000, stride);
    step_through(50000, stride);
    check_heap();
    return 0;
}
