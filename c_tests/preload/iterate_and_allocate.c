// dl_iterate_phdr's callback allocates under ld.so's lock, while other threads allocate and open libraries. A malloc
// that calls dl_iterate_phdr would turn the order of the locks round.
// cflags: -pthread
#include "check.h"

#include <link.h>
#include <pthread.h>

#include "include/life.h"

static _Atomic int stop;

static int each(struct dl_phdr_info *info, size_t size, void *count) {
    (void)info;
    life((unsigned)size);
    ++*(int *)count;
    return 0;
}

static void *iterate(void *arg) {
    int count = 0;
    while (!stop) dl_iterate_phdr(each, &count);
    CHECK(count > 0);
    return arg;
}

static void *open_and_close(void *arg) {
    while (!stop) {
        void *library = dlopen("libm.so.6", RTLD_NOW);
        CHECK(library);
        dlclose(library);
    }
    return arg;
}

int main(void) {
    pthread_t threads[4];
    served_by_metes();
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, i % 2 ? iterate : open_and_close, NULL) == 0);
    for (unsigned i = 0; i < 5000; i++) life(i);
    stop = 1;
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
