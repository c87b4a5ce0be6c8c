// Thread-local words for targets without inline assembly of ours. See thread.rs.
#include <stdint.h>

#define WORD static __thread __attribute__((tls_model("initial-exec")))

// A blind head: see blind.rs.
static const struct {
    _Alignas(64) uint64_t pad[2];
    uint64_t gate, home;
    const uint64_t *near_leaf;
    uint64_t units, start;
    uint64_t cache, kind;
} no_cache = {{0, 0}, 0, 0, &no_cache.units, 0, 0, 0, 0};
WORD uint64_t word;
WORD const void *cache = &no_cache.gate;

__attribute__((visibility("hidden"))) uint64_t *metes_thread_word_address(void)
{
    return &word;
}

__attribute__((visibility("hidden"))) void *metes_thread_cache_address(void)
{
    return &cache;
}

__attribute__((visibility("hidden"))) uintptr_t metes_no_cache_address(void)
{
    return (uintptr_t)&no_cache.gate;
}
