// A program frees pointers that are not from metes. With foreign=ignore it goes on, and each is reported once.
// env: METES_OPTIONS=foreign=ignore
// stderr: metes: M004 foreign pointer: free\(0x[0-9a-f]+\): not from metes; it is in (\[heap\].*|libc's .*|an anonymous mapping)
// stderr: metes: M004 foreign pointer: realloc\(0x[0-9a-f]+\): not from metes; it is in (\[heap\].*|libc's .*|an anonymous mapping)
#include "check.h"

#include "include/life.h"

int main(void) {
    served_by_metes();
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    CHECK(libc);
    void *(*other)(size_t) = (void *(*)(size_t))dlsym(libc, "__libc_malloc");
    CHECK(other);
    void *p = other(1000), *q = other(1000);
    CHECK(p && q);
    memset(q, 1, 1000);
    free(opaque(p));
    errno = 0;
    CHECK(realloc(opaque(q), 2000) == NULL && errno != 0);
    CHECK(all_bytes_are(q, 1000, 1));
    life(1);
    check_heap();
    return 0;
}
