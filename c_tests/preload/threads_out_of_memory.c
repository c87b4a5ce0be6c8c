// Threads start when the address space is used up. pthread_create may fail, and a thread that starts may get no
// memory, but nothing crashes. When memory is back all goes on.
// cflags: -pthread
// timeout: 60
#include "check.h"

#include <pthread.h>
#include <sys/resource.h>

#include "include/life.h"

static void *body(void *arg) {
    void *blocks[32];
    for (int i = 0; i < 32; i++) {
        size_t size = (size_t)1 << i % 16;
        blocks[i] = malloc(size);
        if (blocks[i]) memset(blocks[i], 1, size);
    }
    for (int i = 0; i < 32; i++) free(blocks[i]);
    return arg;
}

int main(void) {
    enum { MOST = 4096 };
    static void *hoard[MOST];
    struct rlimit limit = {256 * MIB, 256 * MIB};
    pthread_attr_t attributes;
    pthread_t threads[64];
    int held = 0, started;
    served_by_metes();
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 64 * KIB) == 0);
    // Uses all up, and then gives back piece by piece: some threads fit into the pieces.
    for (size_t size = 64 * MIB; size >= 4096; size /= 2)
        while (held < MOST && (hoard[held] = malloc(size))) held++;
    for (int give_back = 0; give_back < 8; give_back++) {
        for (started = 0; started < 64; started++)
            if (pthread_create(&threads[started], &attributes, body, NULL) != 0) break;
        for (int i = 0; i < started; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        if (held) free(hoard[--held]);
    }
    while (held) free(hoard[--held]);
    CHECK(pthread_create(&threads[0], &attributes, body, NULL) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    life(1);
    check_heap();
    return 0;
}
