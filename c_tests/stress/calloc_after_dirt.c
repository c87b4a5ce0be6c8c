// calloc after every byte has been dirtied and freed, in all sizes and orders, across purges: always zero.
// cflags: -pthread
// args: 40
// soak-args: 2000
#include "check.h"

#include <pthread.h>

#include "include/mix.h"

static long rounds;

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    enum { MANY = 300 };
    void *blocks[MANY];
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < MANY; i++) {
            size_t size = some_size(&random);
            blocks[i] = malloc(size);
            CHECK(blocks[i]);
            memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
        }
        for (int i = 0; i < MANY; i++) free(blocks[i * 7 % MANY]);
        if (r % 8 == 0) malloc_trim(0);
        for (int i = 0; i < MANY; i++) {
            size_t size = some_size(&random);
            blocks[i] = calloc(1, size);
            CHECK(blocks[i] && all_bytes_are(blocks[i], size, 0));
            memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
        }
        for (int i = 0; i < MANY; i++) free(blocks[i * 11 % MANY]);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[2];
    rounds = argument(argc, argv, 1, 40);
    for (size_t i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
