// A thread allocates while another one's fork takes its time. Its first blocks are no larger than ever, and there is
// room for many. It gets answers about the whole heap. Afterwards nothing of the fork stays, and the caches of
// threads that ended meanwhile can be emptied.
// cflags: -pthread
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

enum { MANY = 20000, SIZE = 24, ENDING = 16, EACH = 2000 };

static sem_t begun, done;
static int waits;
static void *blocks[MANY];

// Runs after metes' handler, which is registered later: the arenas are frozen until this returns.
static void prepare(void) {
    if (!waits) return;
    CHECK(sem_post(&begun) == 0);
    while (sem_wait(&done) != 0) CHECK(errno == EINTR);
}

static void register_first(void) { CHECK(pthread_atfork(prepare, NULL, NULL) == 0); }

__attribute__((section(".preinit_array"), used)) static void (*first)(void) = register_first;

static size_t address_space(void) {
    char text[100] = {0};
    int file = open("/proc/self/statm", O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void fork_with(int threads) {
    int status;
    waits = threads;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(100);
        for (int i = 0; i < MANY; i++) free(blocks[i]);
        free(malloc(100));
        check_heap();
        _exit(0);
    }
    waits = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void *take_many(void *arg) {
    while (sem_wait(&begun) != 0) CHECK(errno == EINTR);
    size_t before = address_space();
    for (int i = 0; i < MANY; i++) {
        CHECK((blocks[i] = malloc(SIZE)));
        CHECK(malloc_usable_size(blocks[i]) <= 4 * SIZE);
        memset(blocks[i], 1, SIZE);
    }
    CHECK(address_space() - before < 64 * MIB);
    CHECK(sem_post(&done) == 0);
    return arg;
}

static sem_t full;

static void *fill_a_cache(void *arg) {
    void *mine[EACH];
    for (int i = 0; i < EACH; i++) CHECK((mine[i] = malloc(512)));
    for (int i = 0; i < EACH; i++) free(mine[i]);
    CHECK(sem_post(&full) == 0);
    while (sem_wait(&begun) != 0) CHECK(errno == EINTR);
    CHECK(sem_post(&begun) == 0);
    return arg;
}

static void *end_all(void *threads) {
    for (int i = 0; i < ENDING; i++) CHECK(pthread_join(((pthread_t *)threads)[i], NULL) == 0);
    CHECK(sem_post(&done) == 0);
    return NULL;
}

static void *ask(void *in_use) {
    while (sem_wait(&begun) != 0) CHECK(errno == EINTR);
    // Lets the fork go on while this thread asks.
    CHECK(sem_post(&done) == 0);
    for (int i = 0; i < 100; i++) {
        CHECK(mallinfo2().uordblks >= *(size_t *)in_use);
        check_heap();
    }
    return NULL;
}

int main(void) {
    pthread_t thread, threads[ENDING];
    served_by_metes();
    CHECK(sem_init(&begun, 0, 0) == 0 && sem_init(&done, 0, 0) == 0 && sem_init(&full, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, take_many, NULL) == 0);
    fork_with(1);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < MANY; i++) free(blocks[i]);
    memset(blocks, 0, sizeof blocks);

    enum { LARGE = 64 };
    void *large[LARGE];
    size_t in_use = 8 * MIB;
    for (int i = 0; i < LARGE; i++) CHECK(large[i] = malloc(in_use / LARGE));
    CHECK(pthread_create(&thread, NULL, ask, &in_use) == 0);
    fork_with(1);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < LARGE; i++) free(large[i]);

    for (int i = 0; i < ENDING; i++) CHECK(pthread_create(&threads[i], NULL, fill_a_cache, NULL) == 0);
    for (int i = 0; i < ENDING; i++)
        while (sem_wait(&full) != 0) CHECK(errno == EINTR);
    CHECK(pthread_create(&thread, NULL, end_all, threads) == 0);
    fork_with(1);
    CHECK(pthread_join(thread, NULL) == 0);
    malloc_trim(0);
    // All their blocks are free, and none is in a cache, so the regions go back.
    CHECK(mallinfo2().arena < 8 * MIB);
    check_heap();
    return 0;
}
