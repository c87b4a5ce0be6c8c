// A thread opens metes while others already run, whose thread-local memory was made before.
// ways: plain
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "include/metes_by_hand.h"

static struct metes metes;
static pthread_barrier_t opened;

static void *user(void *arg) {
    pthread_barrier_wait(&opened);
    for (size_t size = 1; size < 3000000; size = size * 3 + (size_t)arg) use(&metes, size);
    return NULL;
}

static void *opener(void *arg) {
    metes = open_metes();
    pthread_barrier_wait(&opened);
    return arg;
}

int main(void) {
    pthread_t threads[4], first;
    pthread_barrier_init(&opened, NULL, 5);
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, user, (void *)i) == 0);
    CHECK(pthread_create(&first, NULL, opener, NULL) == 0);
    CHECK(pthread_join(first, NULL) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    use(&metes, 100);
    CHECK(metes.check() == NULL);
    return 0;
}
