// Ramp: a block of 1 MiB, one of 2 MiB, and so on to 64 MiB, each allocated, written, and freed before the next.
//
// Matrices or files of growing size, one at a time. Never more than the largest is live. The peak beyond that is
// memory of freed blocks that larger blocks cannot use.
#include "bench.h"

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t step = option("step", 1 << 20);
    size_t max = option("max", 64 << 20);
    size_t rounds = option_work("rounds", 2);
    options_end();

    size_t ops = 0;
    double begin = now();
    for (size_t round = 0; round < rounds; round++)
        for (size_t size = step; size <= max; size += step)
            block_end(block_new_pages(size, ops), ops), ops++;
    double seconds = now() - begin;
    print_result(ops, seconds);
    return 0;
}
