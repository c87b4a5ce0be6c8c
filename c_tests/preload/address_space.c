// A small program takes little address space, also with threads on a single processor: metes makes no giant
// reservation, and no arena for each processor of the host.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <sched.h>

#include "include/life.h"

static size_t address_space(void) {
    char text[128] = {0};
    int fd = open("/proc/self/statm", O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static pthread_barrier_t turn;

static void *body(void *arg) {
    life((unsigned)(size_t)arg);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return NULL;
}

int main(int argc, char **argv) {
    enum { THREADS = 32 };
    pthread_t threads[THREADS];
    if (argc == 1) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    served_by_metes();
    life(1);
    CHECK(address_space() < 64 * MIB);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * KIB);
    pthread_barrier_init(&turn, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], &attributes, body, (void *)i) == 0);
    pthread_barrier_wait(&turn);
    CHECK(address_space() < 192 * MIB);
    pthread_barrier_wait(&turn);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    check_heap();
    return 0;
}
