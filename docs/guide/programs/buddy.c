/* buddy TRACE.csv: metes' buddy allocator over the calls of a trace, on offsets of 256 MiB, which are no memory. */
#include "calls.h"
#include <metes.h>

#define NONE ((size_t)-1)

static size_t power(size_t size, size_t least) {
    size_t p = least;
    while (p < size) p *= 2;
    return p;
}

static void run(const struct trace *t, size_t least) {
    struct metes_buddy_options options = {.size = sizeof options, .offsets = 1, .min_block = least};
    size_t range = (size_t)256 << 20, control = metes_buddy_control_bytes(NULL, range, &options);
    struct metes_buddy *buddy = metes_buddy_new(NULL, range, &options);
    size_t *places = room((size_t)t->blocks + 1, sizeof *places), out = 0, most = 0, at_peak = 0, top = 0;
    if (!buddy) fail("no buddy allocator");
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        size_t size = power(c->size, least);
        if (!c->frees) {
            size_t at = places[c->block] = metes_buddy_alloc_offset(buddy, c->size ? c->size : 1);
            if (at == NONE) fail("256 MiB are full");
            out += size;
            if (at + size > top) top = at + size;
        } else {
            metes_buddy_free_offset(buddy, places[c->block]);
            out -= size;
        }
        if (out > most) most = out;
        if (i == t->peak_at) at_peak = out;
    }
    printf("%5zu B %10.2f %9.3f %10.2f %10.2f %9.3f  %10.1f\n", least, at_peak / 1048576.0, (double)at_peak / t->peak, most / 1048576.0,
           top / 1048576.0, (double)top / t->peak, control / 1024.0);
    metes_buddy_destroy(buddy);
    free(places);
}

int main(int n, char **a) {
    if (n != 2) fail("buddy TRACE.csv");
    struct trace t = read_calls(a[1]);
    printf("live at the peak: %.2f MiB\n%-7s %10s %9s %10s %10s %9s  %10s\n", t.peak / 1048576.0, "least", "out, MiB", "of live", "most out",
           "reach", "of live", "KiB beside");
    for (size_t least = 16; least <= 256; least *= 4) run(&t, least);
    return 0;
}
