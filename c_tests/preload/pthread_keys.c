// A single-threaded program gets as many pthread keys as under the libc's own malloc: metes has taken none. Where
// all are taken, threads still come and go.
// cflags: -pthread
#include "check.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>

#include "include/life.h"

static void *body(void *arg) {
    life((unsigned)(size_t)arg);
    return NULL;
}

int main(void) {
    static pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
    pthread_t threads[8];
    int count = 0;
    size_t early = 0;
    served_by_metes();
    life(1);
    while (count <= PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0) count++;
    CHECK(count == PTHREAD_KEYS_MAX);
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
        for (int i = 0; i < 8; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        if (round == 100) early = mallinfo2().uordblks;
    }
    CHECK(mallinfo2().uordblks < early + 64 * 1024);
    while (count) CHECK(pthread_key_delete(keys[--count]) == 0);
    for (size_t i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 8; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
