// free of a block that libc's own allocator returned.
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in (\[heap\].*|libc's .*|an anonymous mapping)
// exit: SIGABRT
#include "check.h"

int main(void) {
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    void *(*other)(size_t) = (void *(*)(size_t))dlsym(libc, "__libc_malloc");
    free(opaque(other(3000)));
    return 0;
}
