/* arena TRACE.csv: metes' arenas over the calls of a trace. Each takes so many blocks, one after the other, and is destroyed
   when all of them are gone. So one block that lives long keeps an arena. `exact` is an arena for each lifetime: blocks
   that live equally long, by powers of two of the calls, share one. */
#include "calls.h"
#include <metes.h>

struct slot { metes_arena *arena; size_t live, blocks, held; };

static size_t all, most;

static void count(struct slot *s) {
    size_t now = s->arena ? metes_arena_held(s->arena) : 0;
    all += now - s->held;
    s->held = now;
    if (all > most) most = all;
}

static void end(struct slot *s) {
    metes_arena_destroy(s->arena);
    s->arena = NULL;
    count(s);
}

/* 64 kinds at most, each of which fills an arena with so many blocks; what all arenas together have had at most. */
static size_t run(const struct trace *t, const unsigned char *kinds, size_t blocks, size_t *arenas) {
    struct slot **of = room((size_t)t->blocks + 1, sizeof *of), *current[64] = {0};
    all = most = *arenas = 0;
    for (size_t i = 0; i < t->many; i++) {
        const struct call *c = &t->calls[i];
        if (!c->frees) {
            struct slot **now = &current[kinds ? kinds[c->block] : 0];
            if (!*now || (*now)->blocks == blocks) {
                if (*now && !(*now)->live) end(*now);
                *now = room(1, sizeof **now);
                if (!((*now)->arena = metes_arena_new(NULL))) fail("no memory");
                ++*arenas;
            }
            if (!metes_arena_alloc((*now)->arena, c->size)) fail("no memory");
            (*now)->live++, (*now)->blocks++;
            of[c->block] = *now;
            count(*now);
        } else {
            struct slot *s = of[c->block];
            if (--s->live == 0 && s->blocks == blocks) end(s);
            else if (s->live == 0) {   /* the current one starts anew */
                metes_arena_reset(s->arena);
                s->blocks = 0;
            }
        }
    }
    return most;
}

/* For each block the power of two of the calls that it lives. */
static unsigned char *lifetimes(const struct trace *t) {
    unsigned char *kinds = room((size_t)t->blocks + 1, 1);
    size_t *came = room((size_t)t->blocks + 1, sizeof *came);
    memset(kinds, 63, (size_t)t->blocks + 1);   /* those that stay */
    for (size_t i = 0; i < t->many; i++) {
        uint32_t b = t->calls[i].block;
        if (!t->calls[i].frees) came[b] = i;
        else kinds[b] = 63 - __builtin_clzll(i - came[b]);
    }
    free(came);
    return kinds;
}

int main(int n, char **a) {
    if (n != 2) fail("arena TRACE.csv");
    struct trace t = read_calls(a[1]);
    size_t arenas;
    printf("%-24s %9s %9s %9s\n(live at the peak)       %9.2f %9.2f\n", "an arena for", "MiB", "of live", "arenas", t.peak / 1048576.0, 1.0);
    for (size_t blocks = 100; blocks <= 1000000; blocks *= 10) {
        size_t bytes = run(&t, NULL, blocks, &arenas);
        printf("%7zu blocks           %9.2f %9.2f %9zu\n", blocks, bytes / 1048576.0, (double)bytes / t.peak, arenas);
    }
    unsigned char *kinds = lifetimes(&t);
    for (size_t blocks = 100; blocks <= 10000; blocks *= 10) {
        size_t bytes = run(&t, kinds, blocks, &arenas);
        printf("%7zu of one lifetime  %9.2f %9.2f %9zu\n", blocks, bytes / 1048576.0, (double)bytes / t.peak, arenas);
    }
    return 0;
}
