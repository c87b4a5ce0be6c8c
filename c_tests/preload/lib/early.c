// A constructor that runs before most, allocates, starts a thread that allocates, forks, and registers fork handlers.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void *early_block;
static pthread_key_t key;

static void fork_handler(void) {
    void *p = malloc(700);
    if (p) memset(p, 1, 700);
    free(p);
}

static void *body(void *arg) {
    pthread_setspecific(key, malloc(50));
    free(realloc(malloc(3000), 9000));
    return arg;
}

__attribute__((constructor(101))) static void early(void) {
    pthread_t thread;
    int status = 1;
    free(NULL);
    early_block = malloc(1234);
    if (!early_block) abort();
    memset(early_block, 0x33, 1234);
    if (pthread_key_create(&key, free)) abort();
    if (pthread_create(&thread, NULL, body, NULL) || pthread_join(thread, NULL)) abort();
    if (pthread_atfork(fork_handler, fork_handler, fork_handler)) abort();
    pid_t pid = fork();
    if (pid == 0) {
        free(malloc(5000));
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status) abort();
}

// Runs at the very end, after other destructors.
__attribute__((destructor(101))) static void late(void) { free(malloc(100)); }
