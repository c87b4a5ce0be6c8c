// Blocks go from thread to thread, through the program and through the allocator: neither is a race.
// ways: valgrind memcheck helgrind drd
// cflags: -pthread
// timeout: 240
#include "check.h"

#include <pthread.h>

enum { SLOTS = 32, ROUNDS = 300, THREADS = 3 };

static char *slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *body(void *argument) {
    unsigned state = (unsigned)(size_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        state = state * 1103515245 + 12345;
        unsigned number = state >> 16;
        size_t size = number % 97 ? number % 3000 + 1 : 300000;
        char *p = number % 5 ? malloc(size) : calloc(1, size);
        memset(p, (int)number, size);
        if (number % 7 == 0) p = realloc(p, 2 * size);
        pthread_mutex_lock(&lock);
        char *before = slots[number % SLOTS];
        slots[number % SLOTS] = p;
        pthread_mutex_unlock(&lock);
        if (before) before[0]++;
        free(before);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)(i + 1)) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (size_t i = 0; i < SLOTS; i++) free(slots[i]);
    return 0;
}
