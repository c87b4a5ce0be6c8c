// A block freed before fork, again in the child.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): (this block of [0-9]+ bytes is free already|[0-9]+ bytes into a free block of [0-9]+ bytes at 0x[0-9a-f]+)
// exit: SIGABRT
#include "check.h"

#include <signal.h>
#include <sys/wait.h>

int main(void) {
    int status;
    char *p = malloc(3000);
    free(p);
    pid_t child = fork();
    if (child == 0) {
        free(opaque(p));
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) abort();
    return 0;
}
