// The program runs itself again under LD_AUDIT, where static thread-local room is scarcer and ld.so allocates more.
// shared: audit.c
// cflags: -pthread
#include "check.h"

#include <pthread.h>

#include "include/life.h"

static void *body(void *arg) {
    life((unsigned)(size_t)arg);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc == 1) {
        char path[4096];
        snprintf(path, sizeof path, "%s/libaudit.so", getenv("METES_TEST_DIR"));
        setenv("LD_AUDIT", path, 1);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    pthread_t threads[4];
    served_by_metes();
    CHECK(getenv("LD_AUDIT"));
    for (size_t i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(dlopen("libm.so.6", RTLD_NOW));
    check_heap();
    return 0;
}
