// A malloc that finds no object of its class in the thread's cache is interrupted at each of its instructions. The
// handler frees objects of that class, or allocates and frees. Nothing is lost, and each call is counted once.
#include "include/step.h"

enum { SIZE = 1000, FREED = 8, MOST = 200, SLOW = 150 };

static struct block others[FREED];
static int before;

static void free_some(void) {
    for (int i = 0; i < FREED; i++) put(others[i]);
}

static void allocate_and_free(void) {
    struct block same[3] = {get(SIZE), get(SIZE), get(SIZE)}, small = get(24), medium = get(50000);
    put(same[1]);
    put(medium);
    put(small);
    put(same[0]);
    put(same[2]);
}

static void one(void) {
    struct block blocks[MOST];
    void *stepped;
    start_counts();
    for (int i = 0; i < FREED; i++) others[i] = get(SIZE);
    for (int i = 0; i < before; i++) blocks[i] = get(SIZE);
    STEP(stepped = malloc(SIZE));
    blocks[before] = adopt(stepped, SIZE);
    if (!acted || step_action != free_some)
        for (int i = 0; i < FREED; i++) put(others[i]);
    for (int i = 0; i < 30; i++) others[i % FREED] = get(SIZE), put(others[i % FREED]);
    for (int i = 0; i <= before; i++) put(blocks[i]);
    check_counts();
}

int main(void) {
    step_begin();
    free(malloc(SIZE));
    free(malloc(50000));
    // Finds a malloc that fills, and does not pop what an earlier fill brought.
    for (before = 12; before < MOST - 1; before++) {
        long length = instructions_of(one);
        if (length == 0 || length > SLOW) break;
    }
    act_at_each(one, free_some, 1);
    act_at_each(one, allocate_and_free, 1);
    check_heap();
    return 0;
}
