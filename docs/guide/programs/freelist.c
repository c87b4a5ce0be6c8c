/* freelist TABLE TRACE.csv: the textbook's free list, a linked list of holes, over the calls of a trace. TABLE says what is
   varied: fits, orders, coalescing, headers.

   No memory is handed out: addresses are numbers, from 0 on, and what is counted is how far they reach, and how many holes
   are looked at. The heap grows at its upper end by what is missing, and only where no hole fits. */
#include "calls.h"

enum fit { FIRST, NEXT, BEST, WORST };
enum order { ADDRESS, LIFO, FIFO };
enum coalescing { AT_ONCE, NEVER, LATE };

struct policy {
    const char *name;
    enum fit fit;
    enum order order;
    enum coalescing coalescing;
    size_t header, least;
};

struct hole {
    size_t at, size;
    uint32_t before, after;   /* in the list */
};

#define SPACE ((size_t)1 << 30)   /* how far addresses may reach */
#define GRAIN 16

static struct hole *holes;      /* number 0 is both ends of the list */
static uint32_t spare;          /* numbers that are not in use, linked by `after` */
static uint32_t *starts, *ends; /* the hole that starts, or ends, at a grain: what boundary tags tell */
static uint32_t many, rover;
static size_t top, free_bytes, looks_malloc, looks_free;

static void reset(void) {
    if (!holes) {
        holes = room(4 << 20, sizeof *holes);
        starts = room(SPACE / GRAIN, sizeof *starts);
        ends = room(SPACE / GRAIN, sizeof *ends);
    }
    for (uint32_t h = holes[0].after; h; h = holes[h].after)
        starts[holes[h].at / GRAIN] = ends[(holes[h].at + holes[h].size) / GRAIN] = 0;
    holes[0].before = holes[0].after = 0;
    for (uint32_t h = 1; h < 4 << 20; h++) holes[h].after = h + 1 < 4 << 20 ? h + 1 : 0;
    spare = 1;
    many = rover = 0;
    top = free_bytes = looks_malloc = looks_free = 0;
}

static void mark(uint32_t h, uint32_t as) {
    starts[holes[h].at / GRAIN] = as;
    ends[(holes[h].at + holes[h].size) / GRAIN] = as;
}

static void take_out(uint32_t h) {
    mark(h, 0);
    holes[holes[h].before].after = holes[h].after;
    holes[holes[h].after].before = holes[h].before;
    if (rover == h) rover = holes[h].after;
    free_bytes -= holes[h].size;
    many--;
    holes[h].after = spare;
    spare = h;
}

/* The hole behind which a new one at `at` goes. */
static uint32_t place(enum order order, size_t at) {
    if (order == LIFO) return 0;
    if (order == FIFO) return holes[0].before;
    uint32_t last = 0;
    for (uint32_t h = holes[0].after; h && holes[h].at < at; h = holes[h].after) {
        last = h;
        looks_free++;
    }
    return last;
}

static void put(enum order order, size_t at, size_t size) {
    uint32_t last = place(order, at), h = spare;
    if (!h) fail("too many holes");
    spare = holes[h].after;
    holes[h] = (struct hole){at, size, last, holes[last].after};
    holes[holes[h].after].before = h;
    holes[last].after = h;
    mark(h, h);
    free_bytes += size;
    many++;
}

static void give(const struct policy *p, size_t at, size_t size, int join) {
    if (join) {
        uint32_t lower = ends[at / GRAIN], upper = starts[(at + size) / GRAIN];
        if (lower) {
            at = holes[lower].at;
            size += holes[lower].size;
            take_out(lower);
        }
        if (upper) {
            size += holes[upper].size;
            take_out(upper);
        }
    }
    put(p->order, at, size);
}

static int by_address(const void *a, const void *b) {
    size_t x = ((const size_t *)a)[0], y = ((const size_t *)b)[0];
    return (x > y) - (x < y);
}

/* Joins all neighbours: what an allocator does that puts it off. */
static void join_all(const struct policy *p) {
    size_t (*pairs)[2] = room(many, sizeof *pairs), n = 0;
    while (holes[0].after) {
        uint32_t h = holes[0].after;
        pairs[n][0] = holes[h].at;
        pairs[n++][1] = holes[h].size;
        take_out(h);
    }
    qsort(pairs, n, sizeof *pairs, by_address);
    looks_malloc += n;
    for (size_t i = n; i-- > 0;) {   /* from the upper end: a list in order of addresses takes each at its start */
        size_t at = pairs[i][0], size = pairs[i][1];
        while (i && pairs[i - 1][0] + pairs[i - 1][1] == at) {
            at = pairs[--i][0];
            size += pairs[i][1];
        }
        put(p->order, at, size);
    }
    free(pairs);
}

static uint32_t find(enum fit fit, size_t size) {
    uint32_t found = 0;
    uint32_t from = fit == NEXT && rover ? rover : holes[0].after;
    for (uint32_t i = 0, h = from; i < many; i++, h = holes[h].after) {
        if (!h) h = holes[0].after;
        looks_malloc++;
        if (holes[h].size < size) continue;
        if (fit == FIRST || fit == NEXT || (fit == BEST && holes[h].size == size)) return h;
        if (!found || (fit == BEST ? holes[h].size < holes[found].size : holes[h].size > holes[found].size)) found = h;
    }
    return found;
}

/* A block, and in `size` what it has: a hole that is too small to be split goes out whole. */
static size_t serve(const struct policy *p, size_t *wanted) {
    size_t size = *wanted;
    uint32_t h = find(p->fit, size);
    if (!h && p->coalescing == LATE) {
        join_all(p);
        h = find(p->fit, size);
    }
    size_t at;
    if (h) {
        at = holes[h].at;
        rover = h;
        if (holes[h].size - size >= p->least) {   /* the rest keeps its place in the list */
            mark(h, 0);
            holes[h].at += size;
            holes[h].size -= size;
            free_bytes -= size;
            mark(h, h);
        } else {
            *wanted = holes[h].size;
            take_out(h);
        }
        return at;
    }
    at = top;
    h = ends[top / GRAIN];
    if (h) {
        at = holes[h].at;
        take_out(h);
    }
    top = at + size;
    if (top >= SPACE) fail("the heap is larger than 1 GiB");
    return at;
}

static size_t rounded(const struct policy *p, size_t size) {
    size = (size + p->header + GRAIN - 1) / GRAIN * GRAIN;
    return size < p->least ? p->least : size;
}

static void run(const struct trace *t, const struct policy *p) {
    size_t *places = room((size_t)t->blocks + 1, sizeof *places), *sizes = room((size_t)t->blocks + 1, sizeof *sizes);
    size_t mallocs = 0, frees = 0, tiny = 0, tiny_bytes = 0, at_peak = 0, free_at_peak = 0, most = 0;
    reset();
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        if (!c->frees) {
            mallocs++;
            sizes[c->block] = rounded(p, c->size);
            places[c->block] = serve(p, &sizes[c->block]);
        } else {
            frees++;
            give(p, places[c->block], sizes[c->block], p->coalescing == AT_ONCE);
        }
        if (many > most) most = many;
        if (i == t->peak_at) {
            at_peak = many;
            free_at_peak = free_bytes;
            for (uint32_t h = holes[0].after; h; h = holes[h].after) {
                tiny += holes[h].size < 64;
                tiny_bytes += holes[h].size < 64 ? holes[h].size : 0;
            }
        }
    }
    printf("%-14s %8.2f %9.3f %9zu %9.1f%% %9.1f%% %9.2f%% %9.1f %9.1f\n", p->name, top / 1048576.0, (double)top / t->peak,
           at_peak, top ? 100.0 * free_at_peak / top : 0, at_peak ? 100.0 * tiny / at_peak : 0, 100.0 * tiny_bytes / top,
           (double)looks_malloc / mallocs, frees ? (double)looks_free / frees : 0);
    free(places);
    free(sizes);
}

static const struct policy FITS[] = {{"first", FIRST, ADDRESS, AT_ONCE, 8, 32}, {"next", NEXT, ADDRESS, AT_ONCE, 8, 32},
                                     {"best", BEST, ADDRESS, AT_ONCE, 8, 32}, {"worst", WORST, ADDRESS, AT_ONCE, 8, 32}, {0}};
static const struct policy ORDERS[] = {{"first-address", FIRST, ADDRESS, AT_ONCE, 8, 32}, {"first-lifo", FIRST, LIFO, AT_ONCE, 8, 32},
                                       {"first-fifo", FIRST, FIFO, AT_ONCE, 8, 32}, {"best-address", BEST, ADDRESS, AT_ONCE, 8, 32},
                                       {"best-lifo", BEST, LIFO, AT_ONCE, 8, 32}, {"best-fifo", BEST, FIFO, AT_ONCE, 8, 32}, {0}};
static const struct policy COALESCING[] = {{"at-once", FIRST, LIFO, AT_ONCE, 8, 32}, {"late", FIRST, LIFO, LATE, 8, 32},
                                           {"never", FIRST, LIFO, NEVER, 8, 32}, {"never-best", BEST, LIFO, NEVER, 8, 32}, {0}};
static const struct policy HEADERS[] = {{"none", BEST, LIFO, AT_ONCE, 0, 16}, {"none,least-32", BEST, LIFO, AT_ONCE, 0, 32},
                                        {"8", BEST, LIFO, AT_ONCE, 8, 32}, {"8,least-48", BEST, LIFO, AT_ONCE, 8, 48},
                                        {"16", BEST, LIFO, AT_ONCE, 16, 32}, {"24", BEST, LIFO, AT_ONCE, 24, 32}, {0}};

int main(int n, char **a) {
    if (n != 3) fail("freelist fits|orders|coalescing|headers TRACE.csv");
    const struct policy *p = !strcmp(a[1], "fits") ? FITS : !strcmp(a[1], "orders") ? ORDERS : !strcmp(a[1], "coalescing") ? COALESCING
                           : !strcmp(a[1], "headers") ? HEADERS : NULL;
    if (!p) fail("freelist fits|orders|coalescing|headers TRACE.csv");
    struct trace t = read_calls(a[2]);
    printf("%-14s %8s %9s %9s %10s %10s %10s %9s %9s\n", a[1], "MiB", "of-live", "holes", "free", "under-64B", "its-bytes", "looks/m",
           "looks/f");
    for (; p->name; p++) run(&t, p);
    return 0;
}
