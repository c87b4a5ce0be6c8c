// A free that finds the thread's cache full lets it hold more, so that its objects move to other slots. It is
// interrupted at each of its instructions by a handler that allocates the same size, frees it, or forks. No object
// is in two places or in none.
// args: 2
// soak-args: 1
#include "include/step.h"

enum { SIZE = 64, COUNT = 50, TAKEN = 6, AGAIN = 80, SLOW = 150 };

static struct block blocks[COUNT], taken[TAKEN];
static int count, before;

static void take_some(void) {
    for (int i = 0; i < TAKEN; i++) taken[i] = get(SIZE);
}

static void free_some(void) {
    for (int i = 0; i < TAKEN; i++) put(blocks[--count]);
}

// The child goes on with what follows. This process only waits for it.
static void fork_here(void) {
    pid_t pid = fork();
    if (pid == 0) return;
    step_wait(pid);
    _exit(0);
}

static void one(void) {
    start_counts();
    for (count = 0; count < COUNT; count++) blocks[count] = get(SIZE);
    for (int i = 0; i < before; i++) put(blocks[i]);
    void *stepped = blocks[before].at;
    STEP(free(stepped));
    frees_made++;
    for (int i = before + 1; i < count; i++) put(blocks[i]);
    if (acted && step_action == take_some)
        for (int i = 0; i < TAKEN; i++) put(taken[i]);
    // More than were ever in use: all objects of the cache are among them, each once.
    struct block again[AGAIN];
    for (int i = 0; i < AGAIN; i++) again[i] = get(SIZE);
    for (int i = 0; i < AGAIN; i++)
        for (int k = 0; k < i; k++) CHECK(again[i].at != again[k].at);
    check_heap();
    for (int i = 0; i < AGAIN; i++) put(again[i]);
    check_counts();
}

int main(int argc, char **argv) {
    long stride = argument(argc, argv, 1, 2);
    step_begin();
    long length = 0;
    // The loader may run in the first call of all.
    before = 1;
    while (before < COUNT - 1 - TAKEN && (length = instructions_of(one)) != 0 && length < SLOW) before++;
    // Where nothing steps this cannot be told. Otherwise one free was slow: the fills brought 8, 16 and 32 objects,
    // so the cache has 32 after this many.
    CHECK(length == 0 || (length >= SLOW && before == 32 - (8 + 16 + 32 - COUNT)));
    act_at_each(one, take_some, stride);
    act_at_each(one, free_some, stride);
    act_at_each(one, fork_here, stride);
    check_heap();
    return 0;
}
