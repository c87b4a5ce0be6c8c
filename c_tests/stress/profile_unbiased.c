// A profile estimates what was allocated without a bias, whichever way objects come to be handed out again: at once, in
// batches, resized, zeroed, aligned, by another thread, after the stacks were emptied, and just after it began.
//
// The estimate of `bytes` bytes has a standard deviation of at most the root of `bytes` times the rate. Eight of these
// are never exceeded by luck.
// ways: so preload
// libs: -lm
// args: 30000
// soak-args: 1000000
// env: METES_OPTIONS=profile=16k,profile_file=profile-unbiased-%p
#include "check.h"

#include "metes.h"

#include <math.h>
#include <pthread.h>
#include <sys/mman.h>

extern __typeof__(metes_option_set) metes_option_set __attribute__((weak));

enum { RATE = 16384, HELD = 3000 };

// The word of a profile's head that has the bytes allocated so far.
enum { ALLOCATED = 17 };

static volatile uint64_t *head;
static void *held[HELD];
static uint64_t random_state = 88172645463325252UL;

static void open_profile(void) {
    char path[64];
    snprintf(path, sizeof path, "profile-unbiased-%d", getpid());
    // The file is there once a sample was taken.
    int file = -1;
    for (int i = 0; i < 1000000 && (i % 1000 || (file = open(path, O_RDONLY)) < 0); i++) free(malloc(100));
    CHECK(file >= 0);
    void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    CHECK(at != MAP_FAILED && memcmp(at, "metes profile 1\n", 16) == 0);
    close(file);
    unlink(path);
    head = at;
}

// Each way allocates and frees for a while, and returns how many bytes it has asked for.

static size_t pairs(void) {
    for (int i = 0; i < HELD; i++) free(malloc(100));
    return 100 * HELD;
}

static size_t less_than_the_class_has(void) {
    for (int i = 0; i < HELD; i++) free(malloc(113));
    return 113 * HELD;
}

static size_t first_in_first_out(void) {
    for (int i = 0; i < HELD; i++) CHECK(held[i] = malloc(64));
    for (int i = 0; i < HELD; i++) free(held[i]);
    return 64 * HELD;
}

static size_t last_in_first_out(void) {
    for (int i = 0; i < HELD; i++) CHECK(held[i] = malloc(80));
    for (int i = HELD; i-- > 0;) free(held[i]);
    return 80 * HELD;
}

static size_t all_sizes(void) {
    size_t bytes = 0;
    memset(held, 0, sizeof held);
    for (int i = 0; i < HELD; i++) {
        uint64_t random = next_random(&random_state) >> 20;
        void **at = &held[random % HELD];
        size_t size = 1 + (random >> 16) % (random % 50 == 0 ? 20000 : 400);
        free(*at);
        CHECK(*at = malloc(size));
        bytes += size;
    }
    for (int i = 0; i < HELD; i++) free(held[i]);
    return bytes;
}

static size_t other_calls(void) {
    void *aligned;
    for (int i = 0; i < HELD; i++) {
        void *zeroed = calloc(3, 11), *null = realloc(NULL, 20);
        CHECK(posix_memalign(&aligned, 64, 60) == 0);
        CHECK(null = realloc(null, 120));
        free(zeroed);
        free(aligned);
        free(null);
    }
    return (33 + 20 + 60 + 120) * HELD;
}

static void *free_held(void *nothing) {
    for (int i = 0; i < HELD; i++) free(held[i]);
    return nothing;
}

static size_t freed_by_another(void) {
    pthread_t thread;
    for (int i = 0; i < HELD; i++) CHECK(held[i] = malloc(96));
    CHECK(pthread_create(&thread, NULL, free_held, NULL) == 0 && pthread_join(thread, NULL) == 0);
    return 96 * HELD;
}

static void *pairs_of_a_thread(void *bytes) {
    *(size_t *)bytes = pairs();
    return NULL;
}

static size_t of_another(void) {
    size_t bytes;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, pairs_of_a_thread, &bytes) == 0 && pthread_join(thread, NULL) == 0);
    return bytes;
}

static size_t after_a_trim(void) {
    size_t bytes = last_in_first_out();
    malloc_trim(0);
    return bytes;
}

static size_t just_after_it_began(void) {
    CHECK(metes_option_set("profile", "off") == 0);
    last_in_first_out();
    CHECK(metes_option_set("profile", "16k") == 0);
    for (int i = 0; i < 500; i++) CHECK(held[i] = malloc(80));
    for (int i = 0; i < 500; i++) free(held[i]);
    return 80 * 500;
}

static const struct {
    const char *name;
    size_t (*run)(void);
} WAYS[] = {
    {"pairs", pairs},
    {"less_than_the_class_has", less_than_the_class_has},
    {"first_in_first_out", first_in_first_out},
    {"last_in_first_out", last_in_first_out},
    {"all_sizes", all_sizes},
    {"other_calls", other_calls},
    {"freed_by_another", freed_by_another},
    {"of_another", of_another},
    {"after_a_trim", after_a_trim},
    {"just_after_it_began", just_after_it_began},
};

int main(int argc, char **argv) {
    double enough = RATE * (argc > 1 ? atof(argv[1]) : 30000);
    open_profile();
    for (size_t way = 0; way < sizeof WAYS / sizeof WAYS[0]; way++) {
        double exact = 0;
        uint64_t before = head[ALLOCATED];
        while (exact < enough) exact += (double)WAYS[way].run();
        double off = (double)(head[ALLOCATED] - before) - exact;
        printf("%s: %.0f bytes, the estimate is off by %.2f%%\n", WAYS[way].name, exact, 100 * off / exact);
        // A thousandth is what threads have for themselves.
        CHECK(fabs(off) <= 8 * sqrt(exact * RATE) + exact / 1000);
    }
    return 0;
}
