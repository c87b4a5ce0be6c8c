// Handover: in each round one thread allocates all blocks, and when it has them another one frees them, the last one
// first.
//
// As in work that is prepared in one thread and thrown away in another. The first thread has to get again what the
// second frees, or every round takes new memory (blow-up: Berger, McKinley, Blumofe, Wilson, "Hoard", ASPLOS 2000).
#include "bench.h"

struct shared {
    struct block *blocks;
    size_t live, rounds, min, max;
    pthread_barrier_t turn;
};

struct worker {
    struct shared *shared;
    bool produces;
};

static void work(void *argument)
{
    struct worker *w = argument;
    struct shared *s = w->shared;
    uint64_t random = random_seed(0);
    for (size_t round = 0; round < s->rounds; round++) {
        for (size_t i = 0; w->produces && i < s->live; i++)
            s->blocks[i] = block_new(random_range(&random, s->min, s->max), i);
        pthread_barrier_wait(&s->turn);
        for (size_t i = s->live; !w->produces && i-- > 0;)
            block_end(s->blocks[i], i);
        pthread_barrier_wait(&s->turn);
    }
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    struct shared s = {0};
    s.min = option("min", 16);
    s.max = option("max", 256);
    s.rounds = option("rounds", 15);
    s.live = option_work("live", 500000);
    options_end();

    s.blocks = present(calloc(s.live, sizeof *s.blocks));
    pthread_barrier_init(&s.turn, NULL, 2);
    struct worker workers[2] = {{&s, true}, {&s, false}};
    double seconds = run_threads(2, work, workers, sizeof *workers);
    free(s.blocks);
    print_result(s.rounds * s.live, seconds);
    return 0;
}
