// A sandbox refuses with ENOSYS, from before the start, the calls that an allocator likes to make and can do
// without.
// cflags: -pthread
#include "check.h"

#include "include/refused.h"
#include "include/seccomp.h"

int main(int argc, char **argv) {
    if (argc == 1) {
        REFUSE_OPTIONAL(SECCOMP_RET_ERRNO | ENOSYS);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    served_by_metes();
    live_refused(1);
    return 0;
}
