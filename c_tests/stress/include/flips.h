// One random bit of the heap's own words is flipped, and the program goes on. Each trial is a child of its own. It
// builds a heap of all kinds of blocks with known contents. It flips one bit of a header, of a free block's node or
// of its boundary tag, runs a random workload to its end, and checks the heap. Either metes reports the flip, or it
// did no harm: no content changed, and no two blocks overlap.
#ifndef FLIPS_H
#define FLIPS_H

#include "check.h"

#include <signal.h>
#include <sys/wait.h>

enum { BLOCKS = 160, STEPS = 600, WORDS_MOST = 8192, SECONDS = 30 };
enum { HARMLESS = 0, FOUND_BY_CHECK = 40, NOTHING_TO_FLIP = 41, CHANGED = 42, OVERLAP = 43, REFUSED = 44 };

// A header is that of a block in use or of a free one. Links, summaries and tags are in free blocks, and a fence
// ends a segment.
enum kind { LIVE_HEADER, FREE_HEADER, LINK, SUMMARY, TAG, FENCE, KINDS };
static const char *const kinds[] = {"header of a block in use", "header of a free block", "link", "summary", "boundary tag", "fence"};

static struct held {
    unsigned char *at;
    size_t size;
    unsigned seed;
} held[BLOCKS];

static uint64_t *words[KINDS][WORDS_MOST];
static unsigned found[KINDS];

// Mostly sizes up to 4 KiB, each power of two as often. Then blocks of the heap under all options, and a few
// mappings.
static size_t flips_size(uint64_t *random) {
    uint64_t r = next_random(random);
    switch (r % 8) {
    case 0: return 33 * KIB + (r >> 8) % (100 * KIB);
    case 1: return 1 + (r >> 8) % (40 * KIB);
    case 2: return (r >> 3) % 16 == 0 ? 300 * KIB + (r >> 8) % MIB : 1 + (r >> 8) % 600;
    default: return 1 + (r >> 8) % ((size_t)1 << (4 + (r >> 3) % 9));
    }
}

static int is_held(const struct held *h) {
    size_t edge = h->size < 256 ? h->size : 256;
    if (!holds(h->at, 0, edge, h->seed) || !holds(h->at, h->size - edge, h->size, h->seed)) return 0;
    for (size_t i = 0; i < h->size; i += 61)
        if (h->at[i] != pattern_at(i, h->seed)) return 0;
    return 1;
}

static void must_hold(const struct held *h) {
    if (!is_held(h)) _exit(CHANGED);
}

static void take(struct held *h, uint64_t *random) {
    size_t size = flips_size(random), alignment = (size_t)16 << next_random(random) % 8;
    void *at = NULL;
    switch (next_random(random) % 8) {
    case 0:
        at = calloc(1, size);
        if (at && !all_bytes_are(at, size, 0)) _exit(CHANGED);
        break;
    case 1: at = memalign(alignment, size); break;
    default: at = malloc(size);
    }
    if (!at) _exit(REFUSED);
    *h = (struct held){at, size, (unsigned)next_random(random)};
    fill(h->at, 0, size, h->seed);
}

static void give(struct held *h) {
    must_hold(h);
    free(h->at);
    h->at = NULL;
}

static void resize(struct held *h, uint64_t *random) {
    size_t size = flips_size(random), kept = size < h->size ? size : h->size;
    must_hold(h);
    unsigned char *at = realloc(h->at, size);
    if (!at) _exit(REFUSED);
    if (!holds(at, 0, kept, h->seed)) _exit(CHANGED);
    *h = (struct held){at, size, h->seed};
    fill(at, 0, size, h->seed);
}

static void step(uint64_t *random) {
    uint64_t r = next_random(random);
    struct held *h = &held[r % BLOCKS];
    if (!h->at) {
        take(h, random);
    } else if ((r >> 32) % 4 == 0) {
        resize(h, random);
    } else {
        give(h);
    }
    if ((r >> 40) % 4 == 0 && held[(r >> 48) % BLOCKS].at) must_hold(&held[(r >> 48) % BLOCKS]);
    if ((r >> 36) % 256 == 0) malloc_trim(0);
}

static void add(enum kind kind, uintptr_t at) {
    if (found[kind] < WORDS_MOST) words[kind][found[kind]++] = (uint64_t *)at;
}

static int is_in_heap(const struct held *h) {
    // A mapping starts at a unit, and the word before it is not its own.
    if ((uintptr_t)h->at % (64 * KIB) == 0) return 0;
    // A block's header has its size. The word before an object of a slab has something else.
    uint64_t header = *(const uint64_t *)opaque((uintptr_t)h->at - 8);
    size_t size = (size_t)(uint32_t)header * 16;
    return (header >> 32 & 9) == 1 && size == malloc_usable_size(h->at) + 8;
}

// Collects from a block to the end of its segment. src/heap/block.rs draws the words.
static void collect_from(uintptr_t block, uintptr_t *end) {
    for (;;) {
        uint64_t header = *(uint64_t *)opaque(block - 8);
        size_t size = (size_t)(uint32_t)header * 16;
        *end = block;
        // The header went back with its page, so the walk cannot go on.
        if (header == 0) return;
        if (size == 0) {
            add(FENCE, block - 8);
            return;
        }
        if (header >> 32 & 1) {
            add(LIVE_HEADER, block - 8);
        } else {
            add(FREE_HEADER, block - 8);
            for (int i = 0; i < 3; i++) add(LINK, block + 8 * (uintptr_t)i);
            add(SUMMARY, block + 24);
            add(TAG, block + size - 16);
        }
        block += size;
    }
}

static int by_address(const void *a, const void *b) {
    const struct held *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void collect(void) {
    uintptr_t end = 0;
    qsort(held, BLOCKS, sizeof held[0], by_address);
    for (int i = 0; i < BLOCKS; i++)
        if (held[i].at && (uintptr_t)held[i].at > end && is_in_heap(&held[i])) collect_from((uintptr_t)held[i].at, &end);
}

static void overlap_nowhere(void) {
    qsort(held, BLOCKS, sizeof held[0], by_address);
    for (int i = 1; i < BLOCKS; i++)
        if (held[i - 1].at && held[i - 1].at + held[i - 1].size > held[i].at) _exit(OVERLAP);
}

static void trial(uint64_t random, int tell) {
    alarm(SECONDS);
    for (int i = 0; i < 2 * BLOCKS; i++) step(&random);
    if (next_random(&random) % 2) malloc_trim(0);
    collect();
    unsigned kind = next_random(&random) % KINDS;
    if (!found[kind]) _exit(NOTHING_TO_FLIP);
    uint64_t *word = words[kind][next_random(&random) % found[kind]];
    unsigned bit = next_random(&random) % 64;
    // The parent gets the kind in front of all that metes says.
    char name = (char)('0' + kind);
    CHECK(write(STDERR_FILENO, &name, 1) == 1);
    if (tell) fprintf(stderr, "%s, bit %u of %p\n", kinds[kind], bit, (void *)word);
    *opaque(word) ^= UINT64_C(1) << bit;
    for (int i = 0; i < STEPS; i++) step(&random);
    overlap_nowhere();
    for (int i = 0; i < BLOCKS; i++)
        if (held[i].at) must_hold(&held[i]);
    metes_check_fn check = find_metes_check();
    CHECK(check);
    if (check()) _exit(FOUND_BY_CHECK);
    for (int i = 0; i < BLOCKS; i++)
        if (held[i].at) give(&held[i]);
    _exit(check() ? FOUND_BY_CHECK : HARMLESS);
}

struct outcome {
    int kind, status, reports;
    char said[4096];
};

static struct outcome outcome_of(uint64_t seed) {
    struct outcome out = {.kind = -1};
    size_t length = 0;
    ssize_t got;
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        trial(seed, 0);
    }
    close(ends[1]);
    while ((got = read(ends[0], out.said + length, sizeof out.said - 1 - length)) > 0) length += (size_t)got;
    close(ends[0]);
    CHECK(waitpid(child, &out.status, 0) == child);
    if (length && out.said[0] >= '0' && out.said[0] < '0' + KINDS) out.kind = out.said[0] - '0';
    for (char *line = out.said + (out.kind >= 0); *line;) {
        // Lines of detail have three blanks.
        out.reports += strncmp(line, "metes: ", 7) == 0 && strncmp(line, "metes:   ", 9) != 0;
        char *end = strchr(line, '\n');
        line = end ? end + 1 : line + strlen(line);
    }
    return out;
}

// Arguments: how many trials, and the number of the first.
static int flips(int argc, char **argv) {
    long trials = argc > 1 ? strtol(argv[1], NULL, 10) : 300, first = argc > 2 ? strtol(argv[2], NULL, 10) : 1, failures = 0;
    long reported[KINDS] = {0}, found_by_check[KINDS] = {0}, harmless[KINDS] = {0}, nothing = 0;
    for (long i = first; i < first + trials; i++) {
        uint64_t seed = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)i;
        struct outcome out = outcome_of(seed);
        int code = WIFEXITED(out.status) ? WEXITSTATUS(out.status) : -1;
        int aborted = WIFSIGNALED(out.status) && WTERMSIG(out.status) == SIGABRT;
        if (out.kind >= 0 && aborted && out.reports == 1 && !strstr(out.said, "internal error")) {
            reported[out.kind]++;
        } else if (out.kind >= 0 && code == HARMLESS && out.reports == 0) {
            harmless[out.kind]++;
        } else if (out.kind >= 0 && code == FOUND_BY_CHECK && out.reports == 0) {
            found_by_check[out.kind]++;
        } else if (code == NOTHING_TO_FLIP) {
            nothing++;
        } else {
            failures++;
            fprintf(stderr, "trial %ld: %s: status 0x%x, %d reports\n%s\n", i, out.kind < 0 ? "no flip" : kinds[out.kind],
                    (unsigned)out.status, out.reports, out.said);
        }
    }
    long all = 0;
    for (int k = 0; k < KINDS; k++) {
        printf("%-25s %6ld reported %6ld found by metes_check %6ld harmless\n", kinds[k], reported[k], found_by_check[k], harmless[k]);
        all += reported[k] + found_by_check[k] + harmless[k];
    }
    printf("%ld flips, %ld failures, %ld trials without such a word\n", all, failures, nothing);
    CHECK(all >= trials / 2);
    return failures != 0;
}

#endif
