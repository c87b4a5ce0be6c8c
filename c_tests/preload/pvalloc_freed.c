// When preloaded, metes has every function by which the libc gives memory. metes' free knows the blocks of the rare
// ones too.
#include "check.h"

int main(void) {
    static const char *const names[] = {"malloc", "calloc", "realloc", "reallocarray", "free", "memalign", "aligned_alloc",
                                        "posix_memalign", "valloc", "pvalloc", "malloc_usable_size", "malloc_trim",
                                        "mallinfo", "mallinfo2", "malloc_info", "malloc_stats", "mallopt"};
    Dl_info ours, that;
    served_by_metes();
    void *check = dlsym(RTLD_DEFAULT, "metes_check");
    CHECK(!check || dladdr(check, &ours));
    for (size_t i = 0; check && i < sizeof names / sizeof names[0]; i++) {
        void *at = dlsym(RTLD_DEFAULT, names[i]);
        if (!at || !dladdr(at, &that) || that.dli_fbase != ours.dli_fbase) fprintf(stderr, "%s is not ours\n", names[i]);
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = pvalloc(1), *v = valloc(page + 1);
    CHECK(is_aligned(p, page) && malloc_usable_size(p) >= page && is_aligned(v, page));
    free(p);
    free(v);
    free(reallocarray(NULL, 100, 100));
    check_heap();
    return 0;
}
