// A forked child has its parent's blocks and pool, and is guarded like its parent.
// env: METES_OPTIONS=guard=1
// stderr: metes: M014 use after free: read at 0x[0-9a-f]+: 1 bytes into the block of 100 bytes at 0x[0-9a-f]+, which was freed
#include "include/guard.h"

int main(void) {
    char *p = guarded(100);
    strcpy(p, "before");
    pid_t child = fork();
    if (child == 0) {
        CHECK(!strcmp(p, "before"));
        strcpy(p, "child");
        free(p);
        free(guarded(50));
        check_whole();
        return ((volatile char *)unseen(p))[1];
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK(!strcmp(p, "before"));
    free(p);
    check_whole();
    return 0;
}
