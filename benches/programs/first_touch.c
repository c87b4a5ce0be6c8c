// First touch: a heap that only grows, every byte of it written for the first time.
//
// A program that loads its data: page faults, and what an allocator adds to them by headers, by rounding and by how
// it asks the OS for memory. The ramp of Wilson et al., "Dynamic Storage Allocation: A Survey and Critical Review",
// IWMM 1995. Blocks are linked through themselves, so that nothing else grows. Freeing is not in the timed part.
#include "bench.h"

struct node {
    struct node *next;
    size_t size;
};

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t bytes = option_work("bytes", (size_t)1 << 30);
    size_t min = option("min", 16);
    size_t max = option("max", 1024);
    options_end();
    if (min < sizeof(struct node) || max < min)
        fail(2, "min= is at least 16, max= not less than it", "");

    uint64_t random = random_seed(0);
    struct node *all = NULL;
    size_t n = 0;
    double begin = now();
    for (size_t done = 0; done < bytes; n++) {
        size_t size = random_range(&random, min, max);
        struct node *node = present(malloc(size));
        memset(node, (int)(size & 0xff), size);
        node->next = all;
        node->size = size;
        all = node;
        done += size;
    }
    double seconds = now() - begin;
    while (all) {
        struct node *node = all;
        unsigned char last = ((unsigned char *)node)[node->size - 1];
        require(node->size == sizeof *node || last == (unsigned char)node->size, "a block's contents");
        all = node->next;
        free(node);
    }
    print_result(n, seconds);
    return 0;
}
