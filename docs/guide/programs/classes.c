/* classes TRACE.csv: size classes over the calls of a trace: what rounding costs, and what the slabs of each class have free.
   A slab has 64 KiB; its objects have one size. Sizes above 32 KiB have no class, and are left out. */
#include "calls.h"

#define SLAB 65536
#define LARGEST 32768

struct scheme { const char *name; unsigned steps; size_t linear; };

/* The class of a size: multiples of 16 up to `linear`, and then so many steps to a doubling. */
static size_t rounded(const struct scheme *s, size_t size) {
    if (size <= s->linear) return size ? (size + 15) / 16 * 16 : 16;
    size_t doubling = s->linear;
    while (doubling * 2 < size) doubling *= 2;
    size_t step = doubling / s->steps;
    return (size + step - 1) / step * step;
}

enum choice { LOWEST, LAST };

struct slab { uint32_t used, next; int listed; };   /* objects out; for LAST, the list of slabs with room */

/* `low` is below the lowest slab with room, or, for LAST, the list's first slab and 1 more. */
struct bin { struct slab *slabs; size_t many, capacity, objects, low; };

static struct bin bins[LARGEST / 16 + 1];

static void clear(void) {
    for (size_t k = 0; k < sizeof bins / sizeof *bins; k++) free(bins[k].slabs);
    memset(bins, 0, sizeof bins);
}

/* The slab that serves: the lowest with room, or the one in which something was freed last. */
static size_t choose(struct bin *b, enum choice choice) {
    if (choice == LAST && b->many) {
        for (; b->low && b->slabs[b->low - 1].used == b->objects; b->low = b->slabs[b->low - 1].next) b->slabs[b->low - 1].listed = 0;
        if (b->low) return b->low - 1;
    }
    if (choice == LOWEST) {
        while (b->low < b->many && b->slabs[b->low].used == b->objects) b->low++;
        if (b->low < b->many) return b->low;
    }
    if (b->many == b->capacity) {
        b->slabs = realloc(b->slabs, (b->capacity = b->capacity ? 2 * b->capacity : 16) * sizeof *b->slabs);
        if (!b->slabs) fail("no memory");
    }
    b->slabs[b->many] = (struct slab){0, 0, 1};
    if (choice == LAST) b->low = b->many + 1;
    return b->many++;
}

static void run(const struct trace *t, const struct scheme *s, enum choice choice) {
    uint32_t *of = room((size_t)t->blocks + 1, sizeof *of);
    size_t live = 0, asked = 0, slabs = 0, most_asked = 0, most_live = 0, at_peak = 0, most_slabs = 0, used = 0, after = 0;
    clear();
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        if (c->size > LARGEST) continue;
        size_t size = rounded(s, c->size);
        struct bin *b = &bins[size / 16];
        if (!c->frees) {
            if (!b->objects) {
                b->objects = size * 8 > SLAB ? 8 : SLAB / size;
                used++;
            }
            size_t k = choose(b, choice);
            if (!b->slabs[k].used++) slabs += size * b->objects;
            of[c->block] = k;
            asked += c->size;
            live += size;
        } else {
            uint32_t k = of[c->block];
            b->slabs[k].used--;
            if (choice == LAST && !b->slabs[k].listed) {   /* it was full: now it has room */
                b->slabs[k].next = b->low;
                b->slabs[k].listed = 1;
                b->low = k + 1;
            }
            if (choice == LOWEST && k < b->low) b->low = k;
            if (!b->slabs[k].used) slabs -= size * b->objects;
            asked -= c->size;
            live -= size;
        }
        if (asked > most_asked) most_asked = asked, most_live = live, at_peak = slabs;
        if (slabs > most_slabs) most_slabs = slabs;
        after = slabs;
    }
    printf("%-22s %7zu %9.2f %9.1f%% %9.2f %9.1f%% %9.2f %9.2f\n", s->name, used, most_live / 1048576.0,
           100.0 * (most_live - most_asked) / most_live, at_peak / 1048576.0, 100.0 * (at_peak - most_live) / at_peak,
           most_slabs / 1048576.0, after / 1048576.0);
    free(of);
}

int main(int n, char **a) {
    static const struct scheme exact = {"steps of 16", 1, LARGEST}, powers = {"powers of two", 1, 16},
                               four = {"4 to a doubling", 4, 64}, eight = {"8 to a doubling", 8, 128};
    if (n != 2) fail("classes TRACE.csv");
    struct trace t = read_calls(a[1]);
    printf("%-22s %7s %9s %10s %9s %10s %9s %9s\n", "classes", "used", "MiB out", "rounding", "in slabs", "free", "most", "end");
    run(&t, &exact, LOWEST);
    run(&t, &powers, LOWEST);
    run(&t, &four, LOWEST);
    run(&t, &eight, LOWEST);
    struct scheme last = eight;
    last.name = "8, the last freed";
    run(&t, &last, LAST);
    return 0;
}
