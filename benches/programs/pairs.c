// Pairs: one size, allocated and freed at once, over and over: the shortest way through an allocator.
//
// The malloc-test of Lever and Boreham, "malloc() Performance in a Multithreaded Linux Environment", USENIX 2000,
// known as "Linux scalability" since Michael, "Scalable Lock-Free Dynamic Memory Allocation", PLDI 2004. threads=
// run beside each other.
//
// bench: pairs
// bench: pairs_2threads threads=2
#include "bench.h"

struct worker {
    size_t size, n, number;
};

static void work(void *argument)
{
    struct worker w = *(struct worker *)argument;
    struct block witness = block_new(w.size, w.number);
    for (size_t i = 0; i < w.n; i++)
        free(block_new(w.size, ~w.number).at);
    block_end(witness, w.number);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t size = option("size", 64);
    size_t threads = option("threads", 1);
    size_t n = option_work("n", 110000000);
    options_end();

    struct worker *workers = present(calloc(threads, sizeof *workers));
    for (size_t i = 0; i < threads; i++)
        workers[i] = (struct worker){size, n / threads, i};
    double seconds;
    if (threads == 1) { // no thread at all: some allocators are faster then
        double begin = now();
        work(workers);
        seconds = now() - begin;
    } else {
        seconds = run_threads(threads, work, workers, sizeof *workers);
    }
    free(workers);
    print_result(n / threads * threads, seconds);
    return 0;
}
