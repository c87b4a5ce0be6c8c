// A plain handler, set once with SA_RESETHAND: the second fault ends the process.
// stderr: metes: M014 use after free: write at 0x[0-9a-f]+: 9 bytes into the block of 100 bytes at 0x[0-9a-f]+, which was freed
// stderr: handled 11
// exit: SIGSEGV
#include "include/guard.h"

static sigjmp_buf back;

static void handler(int signal) {
    fprintf(stderr, "handled %d\n", signal);
    siglongjmp(back, 1);
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(set_option("guard", "1") == 0);
    char *p = guarded(100);
    free(p);
    if (!sigsetjmp(back, 1)) unseen(p)[9] = 1;
    *(volatile char *)unseen((char *)8) = 1;
    return 0;
}
