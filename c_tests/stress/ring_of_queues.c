// Threads in a ring: each allocates, resizes, passes blocks to the next thread's queue, and frees what comes from
// the thread before.
// cflags: -pthread
// args: 60000
// soak-args: 4000000
#include "check.h"

#include <pthread.h>

#include "include/mix.h"

enum { THREADS = 8, ROOM = 256, OWN = 128 };

static struct queue {
    pthread_mutex_t lock;
    struct block blocks[ROOM];
    unsigned first, count;
} queues[THREADS];
static long rounds;

static int put(struct queue *to, struct block b) {
    pthread_mutex_lock(&to->lock);
    int fits = to->count < ROOM;
    if (fits) to->blocks[(to->first + to->count++) % ROOM] = b;
    pthread_mutex_unlock(&to->lock);
    return fits;
}

static int get(struct queue *from, struct block *b) {
    pthread_mutex_lock(&from->lock);
    int any = from->count > 0;
    if (any) {
        *b = from->blocks[from->first++ % ROOM];
        from->count--;
    }
    pthread_mutex_unlock(&from->lock);
    return any;
}

static void *body(void *arg) {
    size_t me = (size_t)arg;
    uint64_t random = 0x9e3779b97f4a7c15u * (me + 1);
    struct block own[OWN] = {{NULL, 0, 0}}, came;
    for (long i = 0; i < rounds; i++) {
        struct block *mine = &own[next_random(&random) % OWN];
        if (!mine->at)
            *mine = take(&random);
        else if (next_random(&random) % 4 == 0)
            *mine = resize(*mine, some_size(&random));
        else {
            if (!put(&queues[(me + 1) % THREADS], *mine)) give(*mine);
            mine->at = NULL;
        }
        if (i % 2 && get(&queues[me], &came)) {
            // Some blocks go round once more, and are freed two threads away from where they were made.
            if (next_random(&random) % 4 || !put(&queues[(me + 1) % THREADS], came)) give(came);
        }
    }
    for (int i = 0; i < OWN; i++)
        if (own[i].at) give(own[i]);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    struct block left;
    rounds = argument(argc, argv, 1, 60000);
    for (int i = 0; i < THREADS; i++) pthread_mutex_init(&queues[i].lock, NULL);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        while (get(&queues[i], &left)) give(left);
    check_heap();
    return 0;
}
