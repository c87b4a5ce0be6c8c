// All functions of the malloc family come from one allocator: a block of one allocator crashes in another's free.

#include "check.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define ENTRY(name) {#name, (void *)(uintptr_t)(name)}

int main(void) {
    served_by_metes();
    if (!is_metes())
        return 0;
    struct {
        const char *name;
        void *address;
    } entries[] = {ENTRY(malloc),         ENTRY(free),
                   ENTRY(calloc),         ENTRY(realloc),
                   ENTRY(reallocarray),   ENTRY(aligned_alloc),
                   ENTRY(posix_memalign), ENTRY(memalign),
                   ENTRY(valloc),         ENTRY(pvalloc),
                   ENTRY(free_sized),     ENTRY(free_aligned_sized),
                   ENTRY(cfree),          ENTRY(malloc_usable_size),
                   ENTRY(malloc_trim),    ENTRY(mallopt),
                   ENTRY(mallinfo),       ENTRY(mallinfo2),
                   ENTRY(malloc_stats),   ENTRY(malloc_info)};
    void *ours = object_of((void *)(uintptr_t)find_metes_check());
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        // dlsym first, for the same reason as in is_metes.
        void *found = dlsym(RTLD_DEFAULT, entries[i].name);
        void *address = found ? found : entries[i].address;
        if (object_of(address) != ours)
            check_failed(__FILE__, __LINE__, entries[i].name);
    }
    check_heap();
}
