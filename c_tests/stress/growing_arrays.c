// Many arrays grow element by element through realloc, in turns, so that each stands in the others' way.
// args: 60
// soak-args: 3000
#include "check.h"

#include "include/mix.h"

int main(int argc, char **argv) {
    long rounds = argument(argc, argv, 1, 60);
    uint64_t random = 88172645463325252u;
    struct block arrays[50];
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < 50; i++) arrays[i] = take_sized(&random, 1 + next_random(&random) % 64);
        for (int step = 0; step < 40; step++)
            for (int i = 0; i < 50; i++) arrays[i] = resize(arrays[i], arrays[i].size + 1 + arrays[i].size / 4);
        for (int step = 0; step < 20; step++)
            for (int i = 0; i < 50; i++) arrays[i] = resize(arrays[i], 1 + arrays[i].size / 2);
        for (int i = 0; i < 50; i++) give(arrays[i]);
    }
    check_heap();
    return 0;
}
