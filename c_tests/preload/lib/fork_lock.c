// A lock that is taken before fork and given back after it, as a library does that has something for a child to find whole.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER;
// Microseconds that the handler takes before it has the lock, and after.
unsigned fork_lock_slowness;

static void take(void) {
    if (fork_lock_slowness) usleep(fork_lock_slowness);
    pthread_mutex_lock(&fork_lock);
    if (fork_lock_slowness) usleep(fork_lock_slowness);
}

static void put(void) { pthread_mutex_unlock(&fork_lock); }

__attribute__((constructor)) static void start(void) {
    if (pthread_atfork(take, put, put)) abort();
}
