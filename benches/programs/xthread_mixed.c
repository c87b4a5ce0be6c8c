// Across threads, mixed: each thread allocates, passes half of its blocks to the next thread and frees the others
// itself.
//
// Pipelines and work queues: local and remote frees of one thread's blocks side by side, in both roles at once.
// Between the all-remote and the server workloads that Leijen, Zorn, de Moura, "Mimalloc: Free List Sharding in
// Action", APLAS 2019, measure.
#include "bench.h"

enum { KEPT = 512 };

struct worker {
    struct queue *in, *out;
    size_t n, min, max, number;
};

// A block's mark is its size, as the receiver knows nothing else of it.
static void free_passed(struct queue *in)
{
    struct block b;
    while (queue_get(in, &b))
        block_end(b, b.size);
}

static void keep(struct block *place, struct block b)
{
    if (place->at)
        block_end(*place, place->size);
    *place = b;
}

// A thread that waits goes on receiving, so a ring of waiting threads cannot stand still.
static void pass(struct worker *w, struct block b)
{
    while (!queue_put(w->out, b)) {
        free_passed(w->in);
        sched_yield();
    }
}

static void work(void *argument)
{
    struct worker *w = argument;
    uint64_t random = random_seed(w->number);
    struct block kept[KEPT] = {{0}};
    for (size_t i = 0; i < w->n; i++) {
        size_t size = random_log(&random, w->min, w->max);
        struct block b = block_new(size, size);
        if (random_below(&random, 2))
            keep(&kept[random_below(&random, KEPT)], b);
        else
            pass(w, b);
        if (i % 64 == 0)
            free_passed(w->in);
    }
    queue_close(w->out);
    while (!queue_closed(w->in)) {
        free_passed(w->in);
        sched_yield();
    }
    free_passed(w->in); // what came between the last look and the end
    for (size_t k = 0; k < KEPT; k++)
        if (kept[k].at)
            block_end(kept[k], kept[k].size);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t threads = option("threads", 2);
    size_t min = option("min", 16);
    size_t max = option("max", 4096);
    size_t n = option_work("n", 16000000);
    options_end();

    struct worker *workers = present(calloc(threads, sizeof *workers));
    struct queue *queues = queues_new(threads);
    for (size_t i = 0; i < threads; i++)
        workers[i] = (struct worker){&queues[i], &queues[(i + 1) % threads], n / threads, min, max, i};
    double seconds = run_threads(threads, work, workers, sizeof *workers);
    free(queues);
    free(workers);
    print_result(n / threads * threads, seconds);
    return 0;
}
