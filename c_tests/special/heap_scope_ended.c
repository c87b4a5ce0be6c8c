// A thread that ends in a scope does not leave it to the next thread, which gets its cache.
// libs: -lpthread
#include "include/heaps.h"
#include <pthread.h>

static struct metes_heap *heap;

static void *end_inside(void *argument) {
    free(malloc(10));
    CHECK(metes_heap_enter(heap) == 0);
    CHECK(metes_heap_of(malloc(20)) == heap);
    return argument;
}

static void *come_after(void *argument) {
    void *first = malloc(30), *second = malloc(30);
    CHECK(first && second && !metes_heap_of(first) && !metes_heap_of(second) && metes_tag_pop() != 0);
    return argument;
}

int main(void) {
    heap = heap_named("scope");
    for (int i = 0; i < 4; i++) {
        if (i == 3) {
            metes_heap_destroy(heap);
        }
        pthread_t thread;
        if (i < 3) {
            CHECK(pthread_create(&thread, NULL, end_inside, NULL) == 0 && pthread_join(thread, NULL) == 0);
        }
        CHECK(pthread_create(&thread, NULL, come_after, NULL) == 0 && pthread_join(thread, NULL) == 0);
    }
    CHECK(metes_check() == NULL);
    return 0;
}
