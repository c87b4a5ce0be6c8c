// With foreign=libc the blocks of the libc's own allocator go back to it, so a program with two allocators goes on.
// env: METES_OPTIONS=foreign=libc
// libs: -ldl
#include "check.h"

#include <dlfcn.h>
#include <malloc.h>

int main(void) {
    void *libc = dlopen("libc.so.6", RTLD_LAZY);
    CHECK(libc);
    void *(*libc_malloc)(size_t) = (void *(*)(size_t))(size_t)dlsym(libc, "malloc");
    CHECK(libc_malloc && libc_malloc != malloc);
    served_by_metes();
    for (size_t n = 1; n < 100000; n = n * 3 + 7) {
        char *p = libc_malloc(n);
        CHECK(p && malloc_usable_size(p) >= n);
        fill(p, 0, n, 3);
        p = realloc(p, 2 * n);
        CHECK(p && holds(p, 0, n, 3));
        free(p);
        free(libc_malloc(n));
    }
    check_heap();
    return 0;
}
