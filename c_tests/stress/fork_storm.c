// A process with eight allocating threads forks again and again. The child allocates, frees what the parent and its
// threads made, starts a thread of its own, and checks the whole heap. The child's alarm ends a hang.
// cflags: -pthread
// args: 100
// soak-args: 50000
// timeout: 120
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#include "include/mix.h"

enum { THREADS = 8, SLOTS = 64, OWN = 32 };

// Only whole pointers are ever visible here, so the child may take them whenever the fork comes.
static _Atomic(unsigned char *) shared[SLOTS];
static _Atomic int stop;

static void *body(void *arg) {
    uint64_t random = 0x9e3779b97f4a7c15u * ((size_t)arg + 1);
    struct block own[OWN] = {{NULL, 0, 0}};
    for (unsigned long i = 0; !stop; i++) {
        // Two of the eight never pause; if none did, the forks would only wait for the processor.
        if ((size_t)arg >= 2 && i % 256 == 0) usleep(1000);
        struct block *mine = &own[next_random(&random) % OWN];
        if (mine->at) give(*mine);
        *mine = take(&random);
        unsigned char *fresh = malloc(1 + next_random(&random) % 5000);
        CHECK(fresh);
        *fresh = 0x5a;
        free(__atomic_exchange_n(&shared[next_random(&random) % SLOTS], fresh, __ATOMIC_ACQ_REL));
    }
    for (int i = 0; i < OWN; i++)
        if (own[i].at) give(own[i]);
    return NULL;
}

static void *thread_of_child(void *arg) {
    uint64_t random = 12345;
    for (int i = 0; i < 50; i++) give(take(&random));
    return arg;
}

static void child(struct block *known, int count) {
    pthread_t thread;
    uint64_t random = (uint64_t)getpid();
    alarm(30);
    for (int i = 0; i < 100; i++) give(take(&random));
    for (int i = 0; i < count; i++) give(known[i]);
    for (int i = 0; i < SLOTS; i++) {
        unsigned char *p = __atomic_exchange_n(&shared[i], NULL, __ATOMIC_ACQ_REL);
        CHECK(!p || *p == 0x5a);
        free(p);
    }
    CHECK(pthread_create(&thread, NULL, thread_of_child, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    check_heap();
    _exit(0);
}

int main(int argc, char **argv) {
    long count = argument(argc, argv, 1, 150);
    uint64_t random = 88172645463325252u;
    pthread_t threads[THREADS];
    struct block known[16];
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    for (long i = 0; i < count; i++) {
        int status;
        for (int k = 0; k < 16; k++) known[k] = take(&random);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) child(known, 16);
        CHECK(waitpid(pid, &status, 0) == pid);
        if (status != 0) fprintf(stderr, "fork %ld: status 0x%x\n", i, (unsigned)status);
        CHECK(status == 0);
        for (int k = 0; k < 16; k++) give(known[k]);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < SLOTS; i++) free(shared[i]);
    check_heap();
    return 0;
}
