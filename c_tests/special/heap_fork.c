// A program forks while its threads are inside heaps: each child finds them whole, and uses them.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { FORKS = 60 };

static struct metes_heap *heap;
static atomic_int done;

static void *work(void *argument) {
    uint64_t random = (uintptr_t)argument;
    while (!done) {
        void *block = metes_heap_malloc(heap, 1 + next_random(&random) % 3000);
        CHECK(block != NULL);
        metes_heap_free(heap, block);
        struct metes_heap *own = metes_heap_new(NULL);
        CHECK(metes_heap_malloc(own, 100) != NULL);
        metes_heap_destroy(own);
    }
    return NULL;
}

int main(void) {
    heap = heap_named("forked");
    char *kept = metes_heap_strdup(heap, "kept");
    pthread_t threads[2];
    for (uintptr_t i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
    }
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            HEAP_OK(heap);
            CHECK(strcmp(kept, "kept") == 0 && metes_heap_malloc(heap, 2000) != NULL);
            metes_heap_destroy(heap);
            _exit(metes_check() == NULL ? 0 : 1);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    done = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    HEAP_OK(heap);
    return 0;
}
