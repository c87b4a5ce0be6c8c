// Thread churn: threads that start, allocate a little and end, leaving some blocks to others.
//
// A thread for each request. It tests the price of a thread's first allocation and of its end, and whether memory of
// ended threads is found again (Larson and Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM
// 1998, on threads that come and go). The operation counted is a thread.
#include "bench.h"

enum { ALLOCATIONS = 64, LEFT = 8 };

struct request {
    pthread_t thread;
    size_t number;
    struct block left[LEFT];
};

static void *serve(void *argument)
{
    struct request *r = argument;
    uint64_t random = random_seed(r->number);
    struct block blocks[ALLOCATIONS];
    for (size_t i = 0; i < ALLOCATIONS; i++)
        blocks[i] = block_new(random_range(&random, 16, 512), i);
    for (size_t i = LEFT; i < ALLOCATIONS; i++)
        block_end(blocks[i], i);
    memcpy(r->left, blocks, sizeof r->left);
    return NULL;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t threads = option("threads", 2); // at the same time
    size_t n = option_work("n", 40000);
    options_end();

    struct request *requests = present(calloc(threads, sizeof *requests));
    size_t rounds = n / threads ? n / threads : 1;
    double begin = now();
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < threads; i++) {
            requests[i].number = round * threads + i;
            thread_new(&requests[i].thread, serve, &requests[i]);
        }
        for (size_t i = 0; i < threads; i++) {
            pthread_join(requests[i].thread, NULL);
            for (size_t k = 0; k < LEFT; k++)
                block_end(requests[i].left[k], k);
        }
    }
    double seconds = now() - begin;
    free(requests);
    print_result(rounds * threads, seconds);
    return 0;
}
