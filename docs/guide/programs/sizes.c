/* sizes TRACE.csv: the sizes that have most bytes when the program has most live. */
#include "calls.h"

struct size { size_t size, blocks; };

static int by_bytes(const void *a, const void *b) {
    const struct size *x = a, *y = b;
    size_t of_x = x->size * x->blocks, of_y = y->size * y->blocks;
    return (of_x < of_y) - (of_x > of_y);
}

int main(int n, char **a) {
    if (n != 2) fail("sizes TRACE.csv");
    struct trace t = read_calls(a[1]);
    size_t most = 0;
    for (size_t i = 0; i < t.many; i++) most = t.calls[i].size > most ? t.calls[i].size : most;
    struct size *sizes = room(most + 1, sizeof *sizes);
    for (size_t k = 0; k <= most; k++) sizes[k].size = k;
    for (size_t i = 0; i <= t.peak_at; i++) sizes[t.calls[i].size].blocks += t.calls[i].frees ? -1 : 1;
    qsort(sizes, most + 1, sizeof *sizes, by_bytes);
    printf("%10s  %10s  %14s\n", "bytes", "blocks", "of all bytes");
    for (int k = 0; k < 4; k++)
        printf("%10zu  %10zu  %13.1f%%\n", sizes[k].size, sizes[k].blocks, 100.0 * sizes[k].size * sizes[k].blocks / t.peak);
    return 0;
}
