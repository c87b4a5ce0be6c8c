// Threads allocate and free each other's blocks. Then one thread uses a block that another has freed.
// env: METES_OPTIONS=guard=3
// libs: -lpthread
// exit: SIGSEGV
// stderr: metes: M014 use after free: read at 0x[0-9a-f]+: 0 bytes into the block of 333 bytes at 0x[0-9a-f]+, which was freed
#include "include/guard.h"
#include <pthread.h>

enum { BOXES = 1000, ROUNDS = 100000 };
static char *boxes[BOXES];

static void *work(void *argument) {
    unsigned random = 1 + (unsigned)(uintptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1103515245 + 12345;
        size_t size = 1 + (random >> 16) % 500;
        char *p = malloc(size);
        memset(p, (int)size, size);
        char *q = __atomic_exchange_n(&boxes[(random >> 8) % BOXES], p, __ATOMIC_ACQ_REL);
        free(q);
    }
    return NULL;
}

static void *use(void *p) {
    return (void *)(uintptr_t)((volatile char *)p)[0];
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(!pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i));
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < BOXES; i++) free(boxes[i]);
    check_whole();
    CHECK(set_option("guard", "1") == 0);
    char *p = guarded(333);
    free(p);
    CHECK(!pthread_create(&threads[0], NULL, use, unseen(p)));
    pthread_join(threads[0], NULL);
    return 0;
}
