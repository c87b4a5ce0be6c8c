// What the benchmark programs share: random numbers, options, blocks with contents, threads, the line of results.
//
//     program [key=value ...]      sizes and counts may end in k, m or g; quick=1 does a tenth of the work
//     ops=<count> seconds=<of the timed part, monotonic>
//
// Status 1: out of memory or contents that are not what was written; 2: a bad option.
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- time and failure

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void fail(int status, const char *what, const char *which)
{
    fprintf(stderr, "%s%s\n", what, which);
    exit(status);
}

static inline void require(bool right, const char *what)
{
    if (__builtin_expect(!right, 0))
        fail(1, "wrong: ", what);
}

// ---- random numbers: xorshift64 (Marsaglia, Xorshift RNGs, Journal of Statistical Software 8(14), 2003)

static inline uint64_t random_seed(uint64_t number)
{
    return (number + 1) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

// 0..n-1. A multiplication, as a division would cost as much as a fast malloc.
static inline size_t random_below(uint64_t *state, size_t n)
{
    return (size_t)((random_next(state) >> 32) * (uint64_t)n >> 32);
}

static inline size_t random_range(uint64_t *state, size_t low, size_t high)
{
    return low + random_below(state, high - low + 1);
}

// low..high with every doubling equally likely, as small sizes are the common ones in programs.
static inline size_t random_log(uint64_t *state, size_t low, size_t high)
{
    size_t doublings = (size_t)(__builtin_clzl(low) - __builtin_clzl(high));
    doublings -= low << doublings > high;
    size_t from = low << random_below(state, doublings + !doublings);
    size_t size = from + random_below(state, from) + 1;
    return size < high ? size : high;
}

static inline void shuffle(uint64_t *state, uint32_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t k = random_below(state, i);
        uint32_t last = order[i - 1];
        order[i - 1] = order[k];
        order[k] = last;
    }
}

// ---- options

static int options_count;
static char **options;
static uint64_t options_known;
static bool quick;

static inline const char *option_text(const char *key)
{
    size_t length = strlen(key);
    const char *value = NULL;
    for (int i = 1; i < options_count; i++)
        if (!strncmp(options[i], key, length) && options[i][length] == '=') {
            options_known |= (uint64_t)1 << (i % 64);
            value = options[i] + length + 1;
        }
    return value;
}

static inline const char *option_word(const char *key, const char *otherwise)
{
    const char *value = option_text(key);
    return value ? value : otherwise;
}

static inline size_t option(const char *key, size_t otherwise)
{
    const char *value = option_text(key);
    if (!value)
        return otherwise;
    char *end;
    size_t number = strtoull(value, &end, 10);
    const char *units = "kmg", *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        number <<= 10 * (unit - units + 1);
        end++;
    }
    if (end == value || *end || !number)
        fail(2, "not a positive number: ", value);
    return number;
}

// An amount of work, a tenth of it with quick=1.
static inline size_t option_work(const char *key, size_t otherwise)
{
    return option(key, quick ? (otherwise + 9) / 10 : otherwise);
}

static inline void options_begin(int argc, char **argv)
{
    options_count = argc;
    options = argv;
    const char *value = option_word("quick", "0");
    quick = strcmp(value, "0") != 0;
}

static inline void options_end(void)
{
    for (int i = 1; i < options_count; i++)
        if (!(options_known >> (i % 64) & 1))
            fail(2, "unknown option: ", options[i]);
}

static inline void print_result(size_t ops, double seconds)
{
    printf("ops=%zu seconds=%.6f\n", ops, seconds);
}

// ---- blocks: the first and the last byte hold a mark

struct block {
    unsigned char *at;
    size_t size;
};

static inline void *present(void *p)
{
    if (__builtin_expect(!p, 0))
        fail(1, "out of memory", "");
    return p;
}

static inline struct block block_new(size_t size, size_t mark)
{
    struct block b = {(unsigned char *)present(malloc(size)), size};
    b.at[0] = b.at[size - 1] = (unsigned char)mark;
    return b;
}

// Blocks of many pages: all of them are touched.
static inline struct block block_new_pages(size_t size, size_t mark)
{
    struct block b = block_new(size, mark);
    for (size_t i = 4096; i < size; i += 4096)
        b.at[i] = (unsigned char)mark;
    return b;
}

static inline void block_check(struct block b, size_t mark)
{
    require(b.at[0] == (unsigned char)mark && b.at[b.size - 1] == (unsigned char)mark, "a block's contents");
}

static inline void block_end(struct block b, size_t mark)
{
    block_check(b, mark);
    free(b.at);
}

// Allocates a block, writes it so often, and frees it. Two threads do that slowly when their blocks share a cache
// line.
static inline void write_often(size_t size, size_t writes, size_t mark)
{
    struct block b = block_new(size, mark);
    volatile unsigned char *bytes = b.at;
    for (size_t k = 1; k <= writes; k++) {
        (void)bytes[0]; // read, but not for the next write: a chain through memory takes a time that varies by itself
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(mark + k);
    }
    block_end(b, mark + writes);
}

// ---- threads that start together

struct thread_start {
    pthread_barrier_t *together;
    void (*body)(void *);
    void *argument;
};

static inline void *thread_main(void *argument)
{
    struct thread_start *start = (struct thread_start *)argument;
    pthread_barrier_wait(start->together);
    start->body(start->argument);
    return NULL;
}

static inline void thread_new(pthread_t *thread, void *(*body)(void *), void *argument)
{
    if (pthread_create(thread, NULL, body, argument))
        fail(1, "cannot start a thread", "");
}

// Runs body for each of count arguments of the given size, in a thread of its own. Returns the seconds from the
// start of all to the end of the last.
static inline double run_threads(size_t count, void (*body)(void *), void *arguments, size_t argument_size)
{
    pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, (unsigned)count + 1);
    pthread_t *threads = (pthread_t *)present(calloc(count, sizeof *threads));
    struct thread_start *starts = (struct thread_start *)present(calloc(count, sizeof *starts));
    for (size_t i = 0; i < count; i++) {
        struct thread_start start = {&together, body, (char *)arguments + i * argument_size};
        starts[i] = start;
        thread_new(&threads[i], thread_main, &starts[i]);
    }
    double begin = now();
    pthread_barrier_wait(&together);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    double seconds = now() - begin;
    free(starts);
    free(threads);
    pthread_barrier_destroy(&together);
    return seconds;
}

// ---- a queue from one thread to one other

enum { QUEUE_SLOTS = 4096 };

// The two ends must not share a line, nor two lines that the CPU fetches together.
#define QUEUE_LINE __attribute__((aligned(128)))

struct queue {
    struct block slots[QUEUE_SLOTS];
    QUEUE_LINE size_t put; // written by the sender
    QUEUE_LINE size_t got; // written by the receiver
    QUEUE_LINE bool closed;
};

static inline struct queue *queues_new(size_t count)
{
    struct queue *queues = (struct queue *)present(aligned_alloc(128, count * sizeof *queues));
    memset(queues, 0, count * sizeof *queues);
    return queues;
}

static inline bool queue_put(struct queue *q, struct block b)
{
    size_t put = __atomic_load_n(&q->put, __ATOMIC_RELAXED);
    if (put - __atomic_load_n(&q->got, __ATOMIC_ACQUIRE) == QUEUE_SLOTS)
        return false;
    q->slots[put % QUEUE_SLOTS] = b;
    __atomic_store_n(&q->put, put + 1, __ATOMIC_RELEASE);
    return true;
}

static inline bool queue_get(struct queue *q, struct block *b)
{
    size_t got = __atomic_load_n(&q->got, __ATOMIC_RELAXED);
    if (got == __atomic_load_n(&q->put, __ATOMIC_ACQUIRE))
        return false;
    *b = q->slots[got % QUEUE_SLOTS];
    __atomic_store_n(&q->got, got + 1, __ATOMIC_RELEASE);
    return true;
}

static inline void queue_close(struct queue *q)
{
    __atomic_store_n(&q->closed, true, __ATOMIC_RELEASE);
}

static inline bool queue_closed(struct queue *q)
{
    return __atomic_load_n(&q->closed, __ATOMIC_ACQUIRE);
}

#endif
