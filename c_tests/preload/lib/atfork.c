// Fork handlers that allocate and free, registered before anything else.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *carried;

static void prepare(void) {
    carried = malloc(3000);
    memset(carried, 1, 3000);
    free(malloc(2 << 20));
}

static void after(void) {
    carried = realloc(carried, 50000);
    if (!carried || ((char *)carried)[2999] != 1) abort();
    free(carried);
    free(calloc(1, 700));
}

__attribute__((constructor(101))) static void start(void) {
    if (pthread_atfork(prepare, after, after)) abort();
}
