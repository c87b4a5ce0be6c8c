// Larson: the memory of a server whose threads come and go.
//
// Larson and Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998: each thread replaces
// random blocks of its array by blocks of random size; after some rounds it starts a successor, leaves it the array
// and ends. So blocks are freed by another thread than the one that allocated them, whose owner may have ended. The
// paper counts operations in a fixed time; here the work is fixed, so that allocators do the same.
#include "bench.h"

#include <semaphore.h>

struct server {
    struct block *blocks;
    size_t live, min, max, replaces, lives;
    uint64_t random;
    sem_t *ended;
};

static void *serve(void *argument);

static void start(struct server *s)
{
    pthread_t thread;
    thread_new(&thread, serve, s);
    pthread_detach(thread);
}

static void *serve(void *argument)
{
    struct server *s = argument;
    for (size_t i = 0; i < s->replaces; i++) {
        size_t k = random_below(&s->random, s->live);
        free(s->blocks[k].at);
        s->blocks[k] = block_new(random_range(&s->random, s->min, s->max), k);
    }
    if (--s->lives)
        start(s);
    else
        sem_post(s->ended);
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t threads = option("threads", 2);
    size_t live = option("live", 1000); // of each thread
    size_t min = option("min", 8);
    size_t max = option("max", 1000);
    size_t rounds = option("rounds", 50); // of live replaces, before a thread ends
    size_t n = option_work("n", 60000000);
    options_end();

    sem_t ended;
    sem_init(&ended, 0, 0);
    uint64_t random = random_seed(0);
    size_t all = threads * live, replaces = rounds * live;
    size_t lives = n / threads / replaces ? n / threads / replaces : 1;
    struct block *blocks = present(calloc(all, sizeof *blocks));
    uint32_t *shuffled = present(calloc(all, sizeof *shuffled));
    struct server *servers = present(calloc(threads, sizeof *servers));
    // The paper mixes the first blocks, so that neighbours belong to different threads.
    shuffle(&random, shuffled, all);
    for (size_t i = 0; i < all; i++)
        blocks[shuffled[i]] = block_new(random_range(&random, min, max), shuffled[i] % live);
    free(shuffled);

    double begin = now();
    for (size_t i = 0; i < threads; i++) {
        servers[i] = (struct server){&blocks[i * live], live, min, max, replaces, lives, random_seed(i), &ended};
        start(&servers[i]);
    }
    for (size_t i = 0; i < threads; i++)
        sem_wait(&ended);
    double seconds = now() - begin;
    for (size_t i = 0; i < all; i++)
        block_end(blocks[i], i % live);
    free(servers);
    free(blocks);
    print_result(threads * lives * replaces, seconds);
    return 0;
}
