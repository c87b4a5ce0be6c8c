// Mixed: 16 bytes to 16 KiB, with lifetimes that depend on the size.
//
// Time is the number of allocations. Most blocks die young and a few live long, as in programs, and as their sizes
// predict (Barrett and Zorn, "Using Lifetime Predictors to Improve Memory Allocation Performance", PLDI 1993). Here
// small ones are mostly young, and larger ones live up to as many allocations as they have bytes. Blocks wait for
// their end in a wheel, linked through themselves.
#include "bench.h"

enum { WHEEL = 16384, SMALL = 256, YOUNG = 128 };

struct node {
    struct node *next;
    uint32_t size, mark;
};

static size_t lifetime(uint64_t *random, size_t size)
{
    if (size > SMALL)
        return 1 + random_below(random, size < WHEEL ? size : WHEEL - 1);
    return 1 + random_below(random, random_below(random, 10) ? YOUNG : WHEEL - 1);
}

static struct node *node_new(size_t size, size_t mark)
{
    struct node *node = present(malloc(size));
    if (size > sizeof *node) // else the last byte is the head's
        ((unsigned char *)node)[size - 1] = (unsigned char)mark;
    node->size = (uint32_t)size;
    node->mark = 0xa5000000u | (mark & 0xffffff);
    return node;
}

static void node_end(struct node *node)
{
    unsigned char last = ((unsigned char *)node)[node->size - 1];
    require(node->mark >> 24 == 0xa5, "a block's head");
    require(node->size == sizeof *node || last == (unsigned char)node->mark, "a block's last byte");
    node->mark = 0; // a block that was given out twice ends in an error, not in a loop
    free(node);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t n = option_work("n", 12000000);
    options_end();

    static struct node *wheel[WHEEL];
    uint64_t random = random_seed(0);
    double begin = now();
    for (size_t i = 0; i < n + WHEEL; i++) {
        while (wheel[i % WHEEL]) {
            struct node *node = wheel[i % WHEEL];
            wheel[i % WHEEL] = node->next;
            node_end(node);
        }
        if (i >= n)
            continue; // the last ones end
        size_t size = random_log(&random, sizeof(struct node), WHEEL);
        struct node *node = node_new(size, i);
        struct node **slot = &wheel[(i + lifetime(&random, size)) % WHEEL];
        node->next = *slot;
        *slot = node;
    }
    print_result(n, now() - begin);
    return 0;
}
