/* compartments TRACE.csv: the calls of a trace, from one heap, from one for each thread, and from one for each kind of size.
   How much more memory does it take to keep them apart, and whose place does a new block get? */
#include "calls.h"
#include <metes.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT 65536

struct table { uintptr_t *addresses; unsigned *kinds; size_t mask; };

static unsigned by_none(const struct call *c) { return (void)c, 0; }
static unsigned by_thread(const struct call *c) { return c->thread; }
static unsigned by_size(const struct call *c) { return c->size <= 32 ? 0 : c->size <= 64 ? 1 : c->size <= 128 ? 2 : 3; }

/* The kind that has had an address last, and 1 more; 0 if none has. */
static unsigned *had(struct table *t, uintptr_t address) {
    size_t k = (address >> 4) * 0x9e3779b97f4a7c15ull >> 20 & t->mask;
    while (t->addresses[k] && t->addresses[k] != address) k = (k + 1) & t->mask;
    t->addresses[k] = address;
    return &t->kinds[k];
}

static void replay(const struct trace *t, const char *name, unsigned (*heap_of)(const struct call *), unsigned (*kind)(const struct call *)) {
    metes_heap *heaps[64] = {0};
    void **places = room((size_t)t->blocks + 1, sizeof *places);
    unsigned char *from = room((size_t)t->blocks + 1, 1);
    struct table seen = {0};
    for (seen.mask = 1; seen.mask < (size_t)t->blocks * 4; seen.mask *= 2) {}
    seen.addresses = room(seen.mask, sizeof *seen.addresses);
    seen.kinds = room(seen.mask--, sizeof *seen.kinds);
    size_t again = 0, others = 0, many = 0, held = 0, most = 0;
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        if (!c->frees) {
            unsigned h = from[c->block] = heap_of(c) % 64;
            if (!heaps[h]) {
                struct metes_heap_options options = {.size = sizeof options, .single_threaded = 1};
                if (!(heaps[h] = metes_heap_new(&options))) fail("no heap");
                many++;
            }
            if (!(places[c->block] = metes_heap_malloc(heaps[h], c->size))) fail("no memory");
            unsigned *last = had(&seen, (uintptr_t)places[c->block]), now = kind(c) + 1;
            again += *last != 0;
            others += *last && *last != now;
            *last = now;
        } else metes_heap_free(heaps[from[c->block]], places[c->block]);
        if (i % 256 == 0 || i == t->peak_at) {
            held = 0;
            for (int h = 0; h < 64; h++) {
                struct metes_heap_stats stats;
                if (heaps[h] && metes_heap_stats(heaps[h], &stats, sizeof stats)) held += stats.held;
            }
            if (held > most) most = held;
        }
    }
    printf("%-22s %6zu %9.2f %9.3f %10zu  %12.2f%%\n", name, many, most / 1048576.0, (double)most / t->peak, again,
           again ? 100.0 * others / again : 0);
    for (int h = 0; h < 64; h++) metes_heap_destroy(heaps[h]);
    free(places), free(from), free(seen.addresses), free(seen.kinds);
}

/* In a process of its own: what heaps have had before makes a difference to how the next ones begin. */
static void run(const struct trace *t, const char *name, unsigned (*heap_of)(const struct call *), unsigned (*kind)(const struct call *)) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        replay(t, name, heap_of, kind);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status) fail("the replay failed");
}

int main(int n, char **a) {
    if (n != 2) fail("compartments TRACE.csv");
    struct trace t = read_calls(a[1]);
    printf("%-22s %6s %9s %9s %10s  %13s\n", "policy", "heaps", "MiB", "of live", "reused", "of another");
    run(&t, "one, kinds: threads", by_none, by_thread);
    run(&t, "one for each thread", by_thread, by_thread);
    run(&t, "one, kinds: sizes", by_none, by_size);
    run(&t, "one for each size", by_size, by_size);
    return 0;
}
