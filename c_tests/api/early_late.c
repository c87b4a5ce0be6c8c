// Memory before main and after it: in the first constructors, in exit handlers and
// in the last destructors, with blocks passed from each to the next.
// cflags: -pthread
// stdout: the last destructor ran

#include "check.h"
#include <pthread.h>

static void *early, *from_main, *from_exit;
static pthread_key_t key;

static void *some_block(unsigned seed) {
    void *big = malloc(3 * MIB), *block = malloc(5000);
    CHECK(big && block);
    fill(block, 0, 5000, seed);
    free(big);
    return block;
}

static void take_block(void *block, unsigned seed) {
    CHECK(block && holds(block, 0, 5000, seed));
    free(block);
}

__attribute__((constructor(101))) static void first_constructor(void) {
    early = some_block(1);
}

__attribute__((destructor(101))) static void last_destructor(void) {
    take_block(from_exit, 3);
    take_block(some_block(4), 4);
    void *row[100];
    for (int i = 0; i < 100; i++)
        CHECK((row[i] = calloc(1, (size_t)i * 50 + 1)));
    for (int i = 0; i < 100; i++)
        free(row[i]);
    check_heap();
    CHECK(write(STDOUT_FILENO, "the last destructor ran\n", 24) == 24);
}

static void exit_handler(void) {
    take_block(from_main, 2);
    from_exit = some_block(3);
}

// Sets itself again, so that it also runs after the allocator's own destructor.
static void at_thread_exit(void *block) {
    size_t round = *(size_t *)block;
    CHECK(malloc_usable_size(block) >= 100);
    free(block);
    void *other = malloc(70 * KIB);
    CHECK(other);
    free(other);
    if (round == 0)
        return;
    size_t *next = (size_t *)malloc(100);
    CHECK(next);
    *next = round - 1;
    pthread_setspecific(key, next);
}

static void *thread(void *unused) {
    size_t *first = (size_t *)malloc(100);
    CHECK(first);
    // One round less than glibc grants, so that nothing leaks.
    *first = 3;
    pthread_setspecific(key, first);
    return unused;
}

int main(void) {
    served_by_metes();
    CHECK(atexit(exit_handler) == 0);
    take_block(early, 1);
    CHECK(pthread_key_create(&key, at_thread_exit) == 0);
    for (int i = 0; i < 200; i++) {
        pthread_t id;
        CHECK(pthread_create(&id, NULL, thread, NULL) == 0);
        CHECK(pthread_join(id, NULL) == 0);
    }
    from_main = some_block(2);
    check_heap();
}
