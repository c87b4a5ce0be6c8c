// Producer and consumer: one thread allocates, another one frees: every free is remote.
//
// The pattern of Berger, McKinley, Blumofe, Wilson, "Hoard: A Scalable Memory Allocator for Multithreaded
// Applications", ASPLOS 2000 (blow-up: memory freed by the consumer that the producer cannot use), and the
// producer-consumer test of Michael, "Scalable Lock-Free Dynamic Memory Allocation", PLDI 2004. threads= is even:
// half of them produce.
#include "bench.h"

struct worker {
    struct queue *queue;
    size_t n, min, max, number;
    bool produces;
};

static void produce(struct worker *w)
{
    uint64_t random = random_seed(w->number);
    for (size_t i = 0; i < w->n; i++) {
        struct block b = block_new(random_range(&random, w->min, w->max), i);
        while (!queue_put(w->queue, b))
            sched_yield();
    }
}

static void consume(struct worker *w)
{
    struct block b;
    for (size_t i = 0; i < w->n; i++) {
        while (!queue_get(w->queue, &b))
            sched_yield();
        block_end(b, i);
    }
}

static void work(void *argument)
{
    struct worker *w = argument;
    if (w->produces)
        produce(w);
    else
        consume(w);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t threads = option("threads", 2), pairs = threads / 2;
    size_t min = option("min", 16);
    size_t max = option("max", 256);
    size_t n = option_work("n", 20000000);
    options_end();
    if (threads % 2)
        fail(2, "threads= is even", "");

    struct worker *workers = present(calloc(threads, sizeof *workers));
    struct queue *queues = queues_new(pairs);
    for (size_t i = 0; i < threads; i++)
        workers[i] = (struct worker){&queues[i / 2], n / pairs, min, max, i, i % 2 == 0};
    double seconds = run_threads(threads, work, workers, sizeof *workers);
    free(queues);
    free(workers);
    print_result(n / pairs * pairs, seconds);
    return 0;
}
