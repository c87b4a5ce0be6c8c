// A sandbox like that of a browser's renderers kills for a clone that has not just the flags of pthread_create, and
// for membarrier. A program that has had threads gets its helper there, more than once. The memory that it has freed
// goes back without a call.
// cflags: -pthread
// env: METES_OPTIONS=decay_ms=200
#include "check.h"

#include <pthread.h>

#include "include/sandboxed.h"

static void *thread(void *argument) {
    free(malloc(1000));
    return argument;
}

int main(void) {
    static const int allowed[] = {MEMORY_CALLS, OWN_CALLS};
    pthread_t other;
    fill_before();
    CHECK(pthread_create(&other, NULL, thread, NULL) == 0 && pthread_join(other, NULL) == 0);
    size_t full = resident_now();
    allow_only(allowed, sizeof allowed / sizeof allowed[0], 1);
    for (int round = 0; round < 3; round++) {
        free_much();
#if defined __x86_64__
        // Elsewhere there are no helpers, and the program's own calls give memory back.
        CHECK(is_given_back(full, 0));
#else
        CHECK(is_given_back(full, 1));
#endif
        for (int i = 0; i < SANDBOXED; i++)
            if (i % 500) {
                CHECK(sandboxed[i] = malloc(100));
                memset(sandboxed[i], 1, 100);
            }
    }
    return 0;
}
