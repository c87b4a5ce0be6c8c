// A sandbox is closed after the start, when the heap has seen that the calls work. From then on they are refused,
// mprotect and munmap too, and no block is lost or lies in two places.
// cflags: -pthread
#include "check.h"

#include "include/refused.h"
#include "include/seccomp.h"

int main(void) {
    static const int also[] = {SYS_mprotect, SYS_munmap};
    served_by_metes();
    live_refused(1);
    refuse(also, 2, SECCOMP_RET_ERRNO | EPERM);
    REFUSE_OPTIONAL(SECCOMP_RET_ERRNO | EPERM);
    // A thread's stack needs mprotect, so there is no thread.
    live_refused(0);
    return 0;
}
