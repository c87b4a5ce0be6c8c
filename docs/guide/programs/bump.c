/* bump TRACE.csv: bump allocators over the calls of a trace. How far does the pointer go if it never comes back, if the
   block that came last can be taken back, and if the memory is in chunks that go when nothing in them is live?

   No memory is handed out: addresses are numbers. */
#include "calls.h"

#define ALIGN 16

static size_t up(size_t size) { return size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN; }

static void line(const char *name, size_t bytes, const struct trace *t) {
    printf("%-20s %9.2f  %8.2f\n", name, bytes / 1048576.0, (double)bytes / t->peak);
}

static size_t never(const struct trace *t) {
    size_t top = 0;
    for (size_t i = 0; i < t->many; i++)
        if (!t->calls[i].frees) top += up(t->calls[i].size);
    return top;
}

/* A free of the block that came last moves the pointer back, and over all before it that went meanwhile if `over`. */
static size_t back(const struct trace *t, int over, size_t *last) {
    uint32_t *row = room((size_t)t->blocks + 1, sizeof *row), *place = room((size_t)t->blocks + 1, sizeof *place), n = 0;
    char *gone = room((size_t)t->blocks + 1, 1);
    size_t *sizes = room((size_t)t->blocks + 1, sizeof *sizes), top = 0, most = 0;
    *last = 0;
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        if (!c->frees) {
            row[n] = c->block;
            place[c->block] = n++;
            top += sizes[c->block] = up(c->size);
            if (top > most) most = top;
        } else if (n && row[n - 1] == c->block) {
            ++*last;
            top -= sizes[row[--n]];
            while (over && n && gone[row[n - 1]]) top -= sizes[row[--n]];
        } else gone[c->block] = 1;
    }
    free(row), free(place), free(gone), free(sizes);
    return most;
}

/* The most that chunks of so many bytes hold which go when all that was cut off them has gone. */
static size_t chunks(const struct trace *t, size_t bytes) {
    uint32_t *of = room((size_t)t->blocks + 1, sizeof *of), *live = NULL, n = 0, capacity = 0;
    size_t *large = room((size_t)t->blocks + 1, sizeof *large), at = bytes, held = 0, most = 0;
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        size_t size = up(c->size);
        if (!c->frees && size > bytes) held += large[c->block] = size;   /* a chunk of its own */
        else if (!c->frees) {
            if (at + size > bytes) {
                if (n == capacity) live = realloc(live, (capacity = capacity ? 2 * capacity : 1024) * sizeof *live);
                if (!live) fail("no memory");
                if (n && !live[n - 1]) held -= bytes;   /* the one before, in which nothing is live */
                live[n++] = 0;
                held += bytes;
                at = 0;
            }
            at += size;
            of[c->block] = n - 1;
            live[n - 1]++;
        } else if (large[c->block]) held -= large[c->block];
        else if (--live[of[c->block]] == 0) {
            if (of[c->block] == n - 1) at = 0;          /* the current one starts anew */
            else held -= bytes;
        }
        if (held > most) most = held;
    }
    free(of), free(live), free(large);
    return most;
}

int main(int n, char **a) {
    if (n != 2) fail("bump TRACE.csv");
    struct trace t = read_calls(a[1]);
    size_t frees = 0, last, last_over;
    for (size_t i = 0; i < t.many; i++) frees += t.calls[i].frees;
    size_t one = back(&t, 0, &last), over = back(&t, 1, &last_over);
    printf("%-20s %9s  %8s\n", "the pointer goes", "MiB", "of live");
    line("(live at the peak)", t.peak, &t);
    line("never back", never(&t), &t);
    line("back over the last", one, &t);
    line("back over all gone", over, &t);
    for (size_t k = 4096; k <= 1 << 20; k *= 16) {
        char name[32];
        snprintf(name, sizeof name, "chunks of %zu KiB", k >> 10);
        line(name, chunks(&t, k), &t);
    }
    printf("%.1f%% of %zu frees are of the block that came last\n", frees ? 100.0 * last / frees : 0, frees);
    return 0;
}
