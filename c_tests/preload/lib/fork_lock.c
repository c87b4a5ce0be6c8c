// Takes a lock before fork and gives it back after, as a library does whose data a child must find whole.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER;
// The microseconds that the handler waits before it takes the lock, and after.
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
