/* Threads that allocate and free as fast as they can, until standard input ends. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *work(void *seed) {
    unsigned state = (unsigned)(size_t)seed;
    static __thread void *blocks[2048];
    for (;;) {
        state = state * 1103515245 + 12345;
        unsigned at = state >> 20 & 2047;
        free(blocks[at]);
        state = state * 1103515245 + 12345;
        unsigned bits = state >> 16, n = (bits & 15) == 0 ? bits % 200000 : bits % 2000;
        if ((blocks[at] = malloc(n + 1))) memset(blocks[at], 1, n < 64 ? n + 1 : 64);
    }
    return NULL;
}

int main(void) {
    pthread_t thread;
    char end;
    for (size_t i = 1; i < 4; i++) pthread_create(&thread, NULL, work, (void *)i);
    if (write(1, "ready\n", 6) < 0) return 1;
    while (read(0, &end, 1) > 0) {}
    _exit(0);
}
