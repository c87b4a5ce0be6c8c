// Grow: vectors and strings that realloc makes larger while others grow beside them.
//
// A vector doubles when it is full, a string takes a few more bytes each time, as getline, string builders and
// output buffers do. Growth in the presence of others is what keeps realloc from growing in place (Wilson et al.,
// "Dynamic Storage Allocation: A Survey and Critical Review", IWMM 1995, on ramps). The operation counted is a
// realloc; contents are checked when one ends.
#include "bench.h"

struct growing {
    uint32_t *items; // each holds its index and the mark
    size_t count, end;
    bool is_vector;
};

static void growing_begin(struct growing *g, uint64_t *random, size_t max)
{
    g->is_vector = random_below(random, 2);
    g->items = NULL;
    g->count = 0;
    g->end = random_log(random, 16, g->is_vector ? max : max / 64) / sizeof *g->items;
}

static void growing_end(struct growing *g, uint32_t mark)
{
    for (size_t i = 0; i < g->count; i += i < 16 ? 1 : 61)
        require(g->items[i] == (mark ^ i), "a vector's contents");
    free(g->items);
}

static void grow_once(struct growing *g, uint64_t *random, uint32_t mark)
{
    size_t count = g->is_vector ? (g->count ? 2 * g->count : 4) : g->count + random_range(random, 1, 16);
    g->items = present(realloc(g->items, count * sizeof *g->items));
    for (; g->count < count; g->count++)
        g->items[g->count] = mark ^ (uint32_t)g->count;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option("live", 256);
    size_t max = option("max", 1 << 20); // bytes of a vector; a string has a 64th of it
    size_t n = option_work("n", 3000000);
    options_end();
    if (max < 2048)
        fail(2, "max= is at least 2k", "");

    uint64_t random = random_seed(0);
    struct growing *all = present(calloc(live, sizeof *all));
    for (size_t i = 0; i < live; i++)
        growing_begin(&all[i], &random, max);
    double begin = now();
    for (size_t i = 0; i < n; i++) {
        size_t k = random_below(&random, live);
        grow_once(&all[k], &random, (uint32_t)k << 24);
        if (all[k].count >= all[k].end) {
            growing_end(&all[k], (uint32_t)k << 24);
            growing_begin(&all[k], &random, max);
        }
    }
    double seconds = now() - begin;
    for (size_t i = 0; i < live; i++)
        growing_end(&all[i], (uint32_t)i << 24);
    free(all);
    print_result(n, seconds);
    return 0;
}
