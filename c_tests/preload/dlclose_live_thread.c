// metes is closed by dlclose while threads that used it still live and blocks are in use. The threads' end must not
// run code that is gone.
// ways: plain
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "include/metes_by_hand.h"

static struct metes metes;
static pthread_barrier_t turn;

static void *body(void *arg) {
    for (size_t size = 1; size < 100000; size *= 3) use(&metes, size);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return arg;
}

int main(void) {
    pthread_t threads[3];
    pthread_barrier_init(&turn, NULL, 4);
    metes = open_metes();
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, body, NULL) == 0);
    pthread_barrier_wait(&turn);
    unsigned char *out = metes.malloc(1000);
    memset(out, 5, 1000);
    CHECK(dlclose(metes.handle) == 0);
    pthread_barrier_wait(&turn);
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(all_bytes_are(out, 1000, 5));
    // Opened again, it is the same library, and knows its blocks.
    struct metes again = open_metes();
    again.free(out);
    use(&again, 500);
    CHECK(again.check() == NULL);
    return 0;
}
