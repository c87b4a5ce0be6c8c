// Refill: blocks of one size, nearly all of which are freed at random, and then as many bytes in blocks of another
// size.
//
// A program that goes from one phase to the next, with something left over from the first on nearly every page. The
// second phase should be served from freed memory.
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t first = option("first", 100);
    size_t second = option("second", 400);
    size_t kept = option("kept", 100); // one in so many
    size_t n = option_work("n", 3000000);
    options_end();

    uint64_t random = random_seed(0);
    unsigned char **blocks = present(calloc(n, sizeof *blocks));
    size_t more = n * first / second;
    unsigned char **others = present(calloc(more, sizeof *others));
    double begin = now();
    for (size_t i = 0; i < n; i++)
        blocks[i] = block_new(first, i).at;
    uint32_t *order = present(malloc(n * sizeof *order));
    shuffle(&random, order, n);
    for (size_t i = 0; i < n - n / kept; i++)
        block_end((struct block){blocks[order[i]], first}, order[i]);
    for (size_t i = 0; i < more; i++)
        others[i] = block_new(second, i).at;
    double seconds = now() - begin;
    for (size_t i = n - n / kept; i < n; i++)
        block_end((struct block){blocks[order[i]], first}, order[i]);
    for (size_t i = 0; i < more; i++)
        block_end((struct block){others[i], second}, i);
    free(order);
    free(others);
    free(blocks);
    print_result(2 * n - n / kept + more, seconds);
    return 0;
}
