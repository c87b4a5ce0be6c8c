// Sessions: the memory of a server whose load goes up and down.
//
// Each of four threads begins sessions, by day ten times as many as by night. It works on random ones of its own,
// and ends those whose time is up, but leaves every other one of these to the next thread. The life of a session is
// heavy-tailed (Pareto), and one of a thousand stays for ever. A session is a head, some strings, a buffer that
// grows, and now and then a few blocks of 64 KiB. A piece of work replaces two of its strings, lets its buffer grow,
// and takes some blocks for the moment. All bytes are written to.
//
//     sessions [days=N] [ticks=N of a day and its night] [pace=N] [sessions=N of a thread, by day] [samples=N]
//
// A tick lasts pace= microseconds at least, so that a night takes its time. samples= points are printed; work= is
// milliseconds at that pace. At a point all threads wait for each other, so that every allocator has done the same.
// seconds= is CPU time.
#include "../programs/resident.h"

#include <math.h>

enum { THREADS = 4, STRINGS = 16, LARGE = 4, LARGE_SIZE = 64 << 10, BUFFER_MIN = 256, BUFFER_MAX = 32 << 10, MOMENTARY = 3 };
enum { SHORTEST = 20, MEAN_LIFE = 60, MARK = 7 };

struct session {
    struct block text[STRINGS], buffer, large[LARGE];
    char head[128];
};

struct server {
    // The sessions that it works on, and the ticks at which they end.
    struct session **own;
    size_t *ends;
    size_t count, room, number, live; // live wraps around, as sessions end elsewhere too: only the sum has a meaning
    uint64_t random;
};

static size_t days, ticks, pace, by_day, between, before;
static double begin;
static struct server servers[THREADS];
static struct queue *queues; // to each server from the one before it
static pthread_barrier_t together;

static struct block block_full(struct server *s, size_t size)
{
    struct block b = {present(malloc(size)), size};
    memset(b.at, MARK, size);
    s->live += size;
    return b;
}

static void block_drop(struct server *s, struct block *b)
{
    if (b->at)
        block_end(*b, MARK);
    s->live -= b->size;
    *b = (struct block){NULL, 0};
}

static struct session *session_new(struct server *s)
{
    struct session *x = present(calloc(1, sizeof *x));
    s->live += sizeof *x;
    for (size_t i = random_below(&s->random, STRINGS); i < STRINGS; i++)
        x->text[i] = block_full(s, random_log(&s->random, 16, 512));
    x->buffer = block_full(s, BUFFER_MIN);
    if (!random_below(&s->random, 20))
        for (size_t i = random_below(&s->random, LARGE); i < LARGE; i++)
            x->large[i] = block_full(s, LARGE_SIZE);
    return x;
}

static void session_end(struct server *s, struct session *x)
{
    for (size_t i = 0; i < STRINGS; i++)
        block_drop(s, &x->text[i]);
    for (size_t i = 0; i < LARGE; i++)
        block_drop(s, &x->large[i]);
    block_drop(s, &x->buffer);
    s->live -= sizeof *x;
    free(x);
}

static void buffer_grow(struct server *s, struct block *b)
{
    size_t size = b->size + b->size / 2;
    if (size > BUFFER_MAX)
        size = BUFFER_MIN;
    b->at = present(realloc(b->at, size));
    memset(b->at, MARK, size);
    s->live += size - b->size;
    b->size = size;
}

static void session_work(struct server *s, struct session *x)
{
    struct block momentary[MOMENTARY];
    for (int i = 0; i < MOMENTARY; i++)
        momentary[i] = block_full(s, random_log(&s->random, 16, 8 << 10));
    for (int i = 0; i < 2; i++) {
        struct block *string = &x->text[random_below(&s->random, STRINGS)];
        block_drop(s, string);
        *string = block_full(s, random_log(&s->random, 16, 512));
    }
    if (!random_below(&s->random, 4))
        buffer_grow(s, &x->buffer);
    for (int i = 0; i < MOMENTARY; i++)
        block_drop(s, &momentary[i]);
}

static size_t lifetime(struct server *s)
{
    double u = (double)(random_below(&s->random, 1 << 24) + 1) / (1 << 24);
    return random_below(&s->random, 1000) ? (size_t)(SHORTEST / cbrt(u * u)) : SIZE_MAX / 2;
}

// Ends the sessions that the thread before has left to this one.
static void end_passed(struct server *s)
{
    struct block passed;
    while (queue_get(&queues[s->number], &passed))
        session_end(s, (struct session *)(void *)passed.at);
}

static void serve_tick(struct server *s, size_t tick)
{
    struct queue *to = &queues[(s->number + 1) % THREADS];
    end_passed(s);
    for (size_t i = 0; i < s->count; i++)
        if (s->ends[i] <= tick) {
            struct session *x = s->own[i];
            s->own[i] = s->own[--s->count];
            s->ends[i--] = s->ends[s->count];
            if (random_below(&s->random, 2) || !queue_put(to, (struct block){(unsigned char *)x, 0}))
                session_end(s, x);
        }
    size_t more = by_day / MEAN_LIFE + 1;
    if (tick % ticks >= ticks / 2)
        more = more / 10 + 1;
    for (size_t i = 0; i < more && s->count < s->room; i++) {
        s->own[s->count] = session_new(s);
        s->ends[s->count++] = tick + lifetime(s);
    }
    for (size_t i = s->count / 8; i; i--)
        session_work(s, s->own[random_below(&s->random, s->count)]);
}

static void sample(size_t tick)
{
    size_t live = 0;
    for (int i = 0; i < THREADS; i++)
        live += servers[i].live;
    print_sample(tick * pace / 1000, before, live);
}

static void pause_until(double time)
{
    double left = time - now();
    if (left > 0)
        nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)}, NULL);
}

static void serve(void *argument)
{
    struct server *s = argument;
    for (size_t tick = 1; tick <= days * ticks; tick++) {
        serve_tick(s, tick);
        pause_until(begin + (double)(tick * pace) * 1e-6);
        if (tick % between == 0) {
            pthread_barrier_wait(&together);
            end_passed(s);
            pthread_barrier_wait(&together);
            if (s->number == 0)
                sample(tick);
            pthread_barrier_wait(&together);
        }
    }
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    days = option("days", 6);
    ticks = option_work("ticks", 1000);
    pace = option("pace", 4000);
    by_day = option("sessions", 4000);
    size_t samples = option("samples", 200);
    options_end();
    between = days * ticks / samples ? days * ticks / samples : 1;

    queues = queues_new(THREADS);
    memset(queues, 0, THREADS * sizeof *queues);
    pthread_barrier_init(&together, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        size_t room = 4 * by_day;
        struct session **own = pages(room * sizeof *own);
        servers[i] = (struct server){own, pages(room * sizeof(size_t)), 0, room, i, 0, random_seed(i)};
    }
    before = resident_kib();
    begin = now();
    run_threads(THREADS, serve, servers, sizeof *servers);
    printf("seconds=%.3f\n", cpu_seconds());
    return 0;
}
