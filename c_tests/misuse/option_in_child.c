// A child made by fork does not repeat the message.
// env: METES_OPTIONS=colour=red
// stderr: metes: unknown option 'colour': the options are .*
#include "check.h"

#include <sys/wait.h>

int main(void) {
    int status = 1;
    free(malloc(100));
    pid_t child = fork();
    if (child == 0) {
        free(malloc(100));
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status != 0;
}
