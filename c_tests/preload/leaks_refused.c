// Where a sandbox lets no memory be read, nothing is called a leak: every block would be one.
// env: METES_OPTIONS=debug=1,leaks=exit
// stderr: metes: leaks=exit: the kernel refuses process_vm_readv
#include "check.h"

#include "include/seccomp.h"

static void *volatile kept;

int main(void) {
    static const int calls[] = {SYS_process_vm_readv};
    served_by_metes();
    kept = malloc(100);
    refuse(calls, 1, SECCOMP_RET_ERRNO | EPERM);
    return 0;
}
