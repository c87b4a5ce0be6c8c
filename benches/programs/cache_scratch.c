// Cache scratch: passive false sharing.
//
// After Berger, McKinley, Blumofe, Wilson, "Hoard: A Scalable Memory Allocator for Multithreaded Applications",
// ASPLOS 2000 ("passive-false"): the first thread allocates one small block for each other thread, side by side.
// Each thread frees its block, then allocates, writes often and frees, over and over. An allocator that reuses such
// a block in the thread that freed it keeps the threads on one cache line. The operation counted is a write of a
// whole block.
#include "bench.h"

struct worker {
    struct block given;
    size_t rounds, writes, number;
};

static void work(void *argument)
{
    struct worker w = *(struct worker *)argument;
    block_end(w.given, w.number);
    for (size_t round = 0; round < w.rounds; round++)
        write_often(w.given.size, w.writes, w.number);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t threads = option("threads", 2);
    size_t size = option("size", 8);
    size_t rounds = option("rounds", 1000); // of each thread
    size_t n = option_work("n", 600000000);
    options_end();

    struct worker *workers = present(calloc(threads, sizeof *workers));
    size_t writes = n / threads / rounds;
    for (size_t i = 0; i < threads; i++)
        workers[i] = (struct worker){block_new(size, i), rounds, writes, i};
    double seconds = run_threads(threads, work, workers, sizeof *workers);
    free(workers);
    print_result(threads * rounds * writes, seconds);
    return 0;
}
