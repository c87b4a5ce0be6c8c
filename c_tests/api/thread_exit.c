// Threads end: their memory is used again, and their blocks stay valid. Neither detached threads nor a thread that
// still runs at exit does any harm.
// cflags: -pthread

#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_int finished;
static atomic_int stop_seen;

static void *make_and_leave(void *unused) {
    (void)unused;
    // These blocks stay in this thread's cache, which must give them back when the thread ends.
    void *row[2000];
    for (int i = 0; i < 2000; i++)
        CHECK((row[i] = malloc(100 + (size_t)i % 900)));
    for (int i = 0; i < 2000; i++)
        free(row[i]);
    void *kept = malloc(2000);
    CHECK(kept);
    fill(kept, 0, 2000, 5);
    return kept;
}

static void *detached(void *block) {
    CHECK(holds(block, 0, 3000, 6));
    free(block);
    free(make_and_leave(NULL));
    atomic_fetch_add(&finished, 1);
    return NULL;
}

static void *never_ends(void *unused) {
    (void)unused;
    for (;;) {
        free(malloc(50));
        free(malloc(200 * KIB));
        atomic_store(&stop_seen, 1);
    }
    return NULL;
}

int main(void) {
    served_by_metes();
    size_t before = 0;
    for (int i = 0; i < 1000; i++) {
        pthread_t id;
        void *kept;
        CHECK(pthread_create(&id, NULL, make_and_leave, NULL) == 0);
        CHECK(pthread_join(id, &kept) == 0);
        CHECK(kept && holds(kept, 0, 2000, 5));
        free(kept);
        if (i == 50)
            before = resident_bytes();
    }
    // If it were lost, this would be a megabyte for each thread.
    CHECK(resident_bytes() < before + 50 * MIB);
    check_heap();

    for (int i = 0; i < 200; i++) {
        pthread_t id;
        void *block = malloc(3000);
        CHECK(block);
        fill(block, 0, 3000, 6);
        CHECK(pthread_create(&id, NULL, detached, block) == 0);
        CHECK(pthread_detach(id) == 0);
    }
    while (atomic_load(&finished) < 200)
        usleep(1000);
    check_heap();

    pthread_t id;
    CHECK(pthread_create(&id, NULL, never_ends, NULL) == 0);
    while (!atomic_load(&stop_seen))
        usleep(1000);
    check_heap();
}
