/* The calls of a trace, as `metes trace export -o FILE.csv` writes them. A realloc is two calls here: a block that comes,
   and one that goes. */
#ifndef CALLS_H
#define CALLS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    int frees;           /* 0: a block comes; 1: one goes */
    int whole;           /* 0: the other half of a realloc follows */
    unsigned thread;
    uint32_t block;      /* the block's number, from 1 on; each number comes once */
    size_t size;         /* of the block, also where it goes */
    uintptr_t address;   /* where the program had it */
};

struct trace {
    struct call *calls;
    size_t many;
    uint32_t blocks;     /* the highest number of a block */
    size_t peak;         /* the most bytes asked for and not freed */
    size_t peak_at;      /* the call behind which that was so */
};

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static void *room(size_t many, size_t size) {
    void *p = calloc(many ? many : 1, size);
    if (!p) fail("no memory");
    return p;
}

static struct call *another(struct trace *t, size_t *capacity) {
    if (t->many == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 1 << 16;
        t->calls = realloc(t->calls, *capacity * sizeof *t->calls);
        if (!t->calls) fail("no memory");
    }
    memset(&t->calls[t->many], 0, sizeof *t->calls);
    return &t->calls[t->many++];
}

/* Gives frees the sizes and places of what they free, and finds the peak. */
static void complete(struct trace *t) {
    struct call **from = room((size_t)t->blocks + 1, sizeof *from);
    size_t live = 0;
    for (size_t i = 0; i < t->many; i++) {
        struct call *c = &t->calls[i];
        if (!c->frees) {
            from[c->block] = c;
            live += c->size;
        } else if (from[c->block]) {
            c->size = from[c->block]->size;
            c->address = from[c->block]->address;
            live -= c->size;
        } else fail("the trace frees a block that never came");
        if (c->whole && live > t->peak) {
            t->peak = live;
            t->peak_at = i;
        }
    }
    free(from);
}

static struct trace read_calls(const char *path) {
    struct trace t = {0};
    size_t capacity = 0;
    char line[1024];
    FILE *in = fopen(path, "r");
    if (!in || !fgets(line, sizeof line, in) || strncmp(line, "at_ns,thread,call,", 18)) fail("no trace as CSV");
    while (fgets(line, sizeof line, in)) {
        unsigned thread;
        uint32_t block, old;
        uintptr_t address;
        size_t size;
        if (sscanf(line, "%*u,%u,%*[^,],%" SCNu32 ",%" SCNu32 ",%" SCNxPTR ",%zu", &thread, &block, &old, &address, &size) != 5)
            fail("a line of the trace cannot be read");
        if (block) {
            if (block > t.blocks) t.blocks = block;
            *another(&t, &capacity) = (struct call){0, !old, thread, block, size, address};
        }
        if (old) *another(&t, &capacity) = (struct call){1, 1, thread, old, 0, 0};
    }
    fclose(in);
    complete(&t);
    return t;
}

#endif
