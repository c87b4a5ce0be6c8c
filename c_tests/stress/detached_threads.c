// Detached threads start others and end, so frees arrive after the thread that made the block has ended.
// cflags: -pthread
// args: 3000
// soak-args: 100000
#include "check.h"

#include <pthread.h>
#include <semaphore.h>

#include "include/mix.h"

static sem_t done, slots;

static void *child(void *arg) {
    struct block b = *(struct block *)arg;
    uint64_t random = (uint64_t)b.seed * 2 + 1;
    free(arg);
    give(b);
    for (int i = 0; i < 16; i++) give(take(&random));
    sem_post(&slots);
    sem_post(&done);
    return NULL;
}

static void *parent(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    struct block *passed = malloc(sizeof *passed);
    pthread_t thread;
    CHECK(passed);
    *passed = take(&random);
    CHECK(pthread_create(&thread, NULL, child, passed) == 0);
    CHECK(pthread_detach(thread) == 0);
    return NULL;
}

int main(int argc, char **argv) {
    long count = argument(argc, argv, 1, 3000);
    sem_init(&done, 0, 0);
    sem_init(&slots, 0, 32);
    for (long i = 0; i < count; i++) {
        pthread_t thread;
        while (sem_wait(&slots) != 0) {}
        CHECK(pthread_create(&thread, NULL, parent, (void *)i) == 0);
        CHECK(pthread_detach(thread) == 0);
    }
    for (long i = 0; i < count; i++)
        while (sem_wait(&done) != 0) {}
    check_heap();
    return 0;
}
