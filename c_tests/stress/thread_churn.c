// Threads live for a moment. Each allocates, frees what the one before left, leaves some to the next, and allocates
// and frees once more in its key destructors.
// cflags: -pthread
// args: 1500
// soak-args: 20000
#include "check.h"

#include <pthread.h>

#include "include/mix.h"

enum { AT_ONCE = 8, PASSED = 32 };

static pthread_key_t early_key, late_key;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block left[PASSED];

// The value is a block. It is freed here, and another one is made for the next round of destructors.
static void on_exit_of_thread(void *value) {
    uint64_t random = (uintptr_t)value | 1;
    int round = *(int *)value;
    free(value);
    for (int i = 0; i < 8; i++) give(take_sized(&random, 1 + next_random(&random) % 3000));
    if (round == 3) return;
    int *again = malloc(100);
    CHECK(again);
    *again = round + 1;
    CHECK(pthread_setspecific(early_key, again) == 0);
}

static void free_value(void *value) { free(value); }

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    int *round = calloc(1, 100);
    CHECK(round && pthread_setspecific(early_key, round) == 0);
    CHECK(pthread_setspecific(late_key, malloc(5000)) == 0);
    for (int i = 0; i < 64; i++) {
        struct block b = take_sized(&random, 1 + next_random(&random) % 8000);
        pthread_mutex_lock(&lock);
        struct block before = left[i % PASSED];
        left[i % PASSED] = b;
        pthread_mutex_unlock(&lock);
        if (before.at) give(before);
    }
    return NULL;
}

int main(int argc, char **argv) {
    long count = argument(argc, argv, 1, 1500);
    pthread_t threads[AT_ONCE];
    size_t early = 0;
    CHECK(pthread_key_create(&early_key, on_exit_of_thread) == 0);
    CHECK(pthread_key_create(&late_key, free_value) == 0);
    for (long i = 0; i < count + AT_ONCE; i++) {
        if (i >= AT_ONCE) CHECK(pthread_join(threads[i % AT_ONCE], NULL) == 0);
        if (i < count) CHECK(pthread_create(&threads[i % AT_ONCE], NULL, body, (void *)i) == 0);
        if (i == count / 4) early = resident_bytes();
    }
    for (int i = 0; i < PASSED; i++)
        if (left[i].at) give(left[i]);
    // What dead threads held has to be found again, or each leaves a little.
    CHECK(resident_bytes() < early + 8 * MIB);
    check_heap();
    return 0;
}
