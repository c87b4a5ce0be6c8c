// Resize: arrays that realloc makes larger step by step, one after the other or many in turns, or that stay as they
// are.
//
// by= is how an array grows each time: none, so that there is nothing to do; by so many bytes; or twice, as vectors
// do. Where nothing else is allocated meanwhile, growing in place is up to the allocator alone. The mapping is a
// small one, because an allocator may copy a large one each time, to look at a sample of requests.
//
// bench: resize_none by=none from=40k to=40k
// bench: resize_none_small by=none from=100 to=100
// bench: resize_none_mapped by=none from=300k to=300k
// bench: resize_byte by=1 from=1 to=20m
// bench: resize_arrays by=64 from=64 to=256k live=200
// bench: resize_double by=twice from=64 to=64m
#include "bench.h"

static void grow(struct block *b, size_t size)
{
    b->at = present(realloc(b->at, size));
    for (size_t i = b->size; i < size; i += 64)
        b->at[i] = (unsigned char)i;
    b->at[size - 1] = 0;
    b->size = size;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    const char *word = option_word("by", "twice");
    bool none = !strcmp(word, "none"), twice = !strcmp(word, "twice");
    size_t by = none || twice ? 0 : option("by", 1);
    size_t from = option("from", 64);
    size_t to = option("to", 64 << 20);
    size_t live = option("live", 1);
    size_t n = option_work("n", none ? 50000000 : twice ? 400 : live * (to - from) / by);
    options_end();

    struct block *blocks = present(calloc(live, sizeof *blocks));
    double begin = now();
    for (size_t i = 0; i < n; i++) {
        struct block *b = &blocks[i % live];
        size_t size = !b->at ? from : none ? b->size : twice ? 2 * b->size : b->size + by;
        if (size > to) {
            require(b->at[0] == 0 && b->at[b->size - 1] == 0, "an array's contents");
            free(b->at);
            *b = (struct block){0};
            size = from;
        }
        grow(b, size);
    }
    double seconds = now() - begin;
    for (size_t i = 0; i < live; i++)
        free(blocks[i].at);
    free(blocks);
    print_result(n, seconds);
    return 0;
}
