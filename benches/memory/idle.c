// Idle: a program fills memory with small blocks of mixed sizes, frees nearly all of them, chosen at random, and
// makes no call for a while. Then it allocates as much again in other sizes, frees all, and makes no call again.
//
// It prints KiB that are resident beyond the program's own arrays and what was there before the first block: full=
// and idle=, again= after the second filling, and empty= at the end. floor= is the pages that a live block reaches
// into.
#include "../programs/resident.h"

enum { MIN = 16, MAX = 255 };

static int by_value(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

static size_t floor_kib(void **blocks, const unsigned char *sizes, size_t n, uintptr_t *touched)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0, different = 0;
    for (size_t i = 0; i < n; i++) {
        if (!blocks[i])
            continue;
        uintptr_t first = (uintptr_t)blocks[i] / page, last = ((uintptr_t)blocks[i] + sizes[i] - 1) / page;
        touched[count++] = first;
        if (last != first)
            touched[count++] = last;
    }
    qsort(touched, count, sizeof *touched, by_value);
    for (size_t i = 0; i < count; i++)
        different += !i || touched[i] != touched[i - 1];
    return different * (page / 1024);
}

static void *written(size_t size)
{
    return memset(present(malloc(size)), 1, size);
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t n = option_work("bytes", 1 << 30) / ((MIN + MAX) / 2);
    size_t per_mille = option("freed", 950);
    size_t seconds = option("wait", 2);
    options_end();

    uint64_t random = random_seed(0);
    void **blocks = pages(n * sizeof *blocks), **others = pages(n * sizeof *others);
    uint32_t *order = pages(n * sizeof *order);
    unsigned char *sizes = pages(n);
    uintptr_t *touched = pages(2 * n * sizeof *touched);
    free(present(malloc(1)));
    shuffle(&random, order, n);
    double begin = now();
    size_t before = resident_kib();
    for (size_t i = 0; i < n; i++)
        blocks[i] = written(sizes[i] = (unsigned char)random_range(&random, MIN, MAX));
    size_t full = resident_kib() - before;
    for (size_t i = 0; i < n; i++)
        if (random_below(&random, 1000) < per_mille) {
            free(blocks[order[i]]);
            blocks[order[i]] = NULL;
        }
    double worked = now() - begin;
    sleep((unsigned)seconds);
    size_t idle = resident_kib() - before, floor = floor_kib(blocks, sizes, n, touched);

    size_t again = n * per_mille / 1000 * (MIN + MAX) / (2 * 400);
    for (size_t i = 0; i < again; i++)
        others[i] = written(random_range(&random, 300, 500));
    size_t more = resident_kib() - before;
    for (size_t i = 0; i < n; i++)
        free(blocks[i]);
    for (size_t i = 0; i < again; i++)
        free(others[i]);
    sleep((unsigned)seconds);
    size_t empty = resident_kib();
    printf("ops=%zu seconds=%.6f full=%zu idle=%zu floor=%zu again=%zu empty=%zu\n", n, worked, full, idle, floor, more,
           empty > before ? empty - before : 0);
    return 0;
}
