// Allocation on small stacks: a signal's alternate stack, a thread of the least size, a context of makecontext.
// cflags: -pthread
#include "check.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "include/life.h"

static ucontext_t here, there;
static volatile int done;

static void little(void) {
    void *blocks[20];
    for (size_t i = 0; i < 20; i++) CHECK((blocks[i] = malloc((size_t)1 << i)));
    for (size_t i = 0; i < 20; i++) free(blocks[i]);
    done++;
}

static void handler(int signal) {
    (void)signal;
    little();
}

static void *body(void *arg) {
    little();
    return arg;
}

int main(void) {
    static char signal_stack[16384], context_stack[16384];
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    struct sigaction action;
    pthread_attr_t attributes;
    pthread_t thread;
    served_by_metes();
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK;
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    CHECK(pthread_create(&thread, &attributes, body, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(getcontext(&there) == 0);
    there.uc_stack.ss_sp = context_stack;
    there.uc_stack.ss_size = sizeof context_stack;
    there.uc_link = &here;
    makecontext(&there, little, 0);
    CHECK(swapcontext(&here, &there) == 0);
    CHECK(done == 3);
    check_heap();
    return 0;
}
