// A signal handler forks in the middle of a fork, between the handlers that take the locks and those that release
// them. Afterwards other threads must still get in.
// cflags: -pthread
// args: 150
// soak-args: 10000
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t inside, nested;

static void run_child(void) {
    void *volatile p = malloc(100);
    free(p);
    _exit(p ? 0 : 1);
}

static int child_is_fine(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) != child)
        if (errno != EINTR) return 0;
    return status == 0;
}

static void on_alarm(int number) {
    int saved = errno;
    (void)number;
    if (inside) return;
    inside = 1;
    pid_t child = fork();
    if (child == 0) run_child();
    if (child > 0 && child_is_fine(child)) nested++;
    inside = 0;
    errno = saved;
}

static void *allocate_and_free(void *block) {
    free(block);
    return malloc(200);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 150;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
    served_by_metes();
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < rounds || !nested; i++) {
        pid_t child = fork();
        if (child == 0) run_child();
        CHECK(child < 0 || child_is_fine(child));
        free(malloc(100));
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(nested > 0);
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, allocate_and_free, malloc(50)) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    free(result);
    check_heap();
    return 0;
}
