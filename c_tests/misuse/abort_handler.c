// A handler of SIGABRT allocates, as in crash reporters. It can, because the report holds no lock.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): .*
// exit: 7
#include "check.h"

#include <signal.h>

static void handler(int signal) {
    (void)signal;
    void *p = malloc(5000);
    p = realloc(p, 50000);
    free(p);
    _exit(p ? 7 : 8);
}

int main(void) {
    signal(SIGABRT, handler);
    alarm(20);
    char *p = malloc(3000);
    free(p);
    free(opaque(p));
    return 0;
}
