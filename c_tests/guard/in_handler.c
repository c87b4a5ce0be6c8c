// A signal handler interrupts malloc and free, and itself allocates and frees.
// env: METES_OPTIONS=guard=2
#include "include/guard.h"
#include <sys/time.h>

static volatile int calls;
static char *volatile kept;

static void handler(int signal) {
    (void)signal;
    char *p = malloc(60);
    memset(p, 1, 60);
    char *old = kept;
    kept = p;
    free(old);
    calls++;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval every = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0);
    while (calls < 2000) {
        char *p = unseen(malloc(60)), *q = unseen(malloc(600));
        memset(p, 2, 60);
        free(q);
        free(p);
    }
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    free(kept);
    check_whole();
    return 0;
}
