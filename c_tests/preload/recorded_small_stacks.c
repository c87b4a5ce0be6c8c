// A recording needs little stack: a signal's alternate stack of 8 KiB, and a thread of the least size, also if that forks and
// its child begins a file of its own.
// ways: so preload
// env: METES_OPTIONS=trace=recorded-stacks-%p.raw
// cflags: -pthread
#include "check.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 8 << 10, GUARD = 64 << 10 };

static volatile int done;

static void little(void) {
    for (size_t i = 0; i < 12; i++) {
        char *volatile p = malloc((size_t)1 << i);
        CHECK(p);
        free(p);
    }
    done++;
}

static void handler(int signal) {
    (void)signal;
    little();
}

static void unlink_of(pid_t pid) {
    char name[64];
    snprintf(name, sizeof name, "recorded-stacks-%d.raw", (int)pid);
    CHECK(unlink(name) == 0);
}

static void *body(void *arg) {
    little();
    pid_t child = fork();
    if (child == 0) {
        little();
        _exit(7);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    unlink_of(child);
    return arg;
}

int main(void) {
    // What overflows comes to a page that cannot be touched.
    char *stack = mmap(NULL, GUARD + SMALL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED && mprotect(stack, GUARD, PROT_NONE) == 0);
    const stack_t alternate = {.ss_sp = stack + GUARD, .ss_size = SMALL};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK;
    CHECK(sigaltstack(&alternate, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    CHECK(pthread_create(&thread, &attributes, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(done == 2);
    unlink_of(getpid());
    return 0;
}
