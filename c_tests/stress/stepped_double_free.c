// A handler frees one block twice at each instruction of its thread's malloc, where no report ends the program. The
// second free is passed over or reported, no walk goes on for ever, and the heap stays whole.
// env: METES_OPTIONS=checks=off,caches=off
// args: 3
// soak-args: 1
#include "include/step.h"

enum { SIZE = 100, AROUND = 20 };

static void *victim;

static void free_twice(void) {
    free(victim);
    free(victim);
}

static void one(void) {
    void *around[AROUND], *stepped;
    victim = malloc(SIZE);
    CHECK(victim);
    STEP(stepped = malloc(SIZE));
    CHECK(stepped);
    for (int i = 0; i < AROUND; i++) CHECK((around[i] = malloc(SIZE)) && around[i] != stepped);
    for (int i = 0; i < AROUND; i++)
        for (int k = 0; k < i; k++) CHECK(around[i] != around[k]);
    for (int i = 0; i < AROUND; i++) free(around[i]);
    free(stepped);
    check_heap();
}

int main(int argc, char **argv) {
    step_begin();
    free(malloc(SIZE));
    act_at_each(one, free_twice, argument(argc, argv, 1, 3));
    return 0;
}
