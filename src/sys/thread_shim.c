/* The thread word where the library has no inline assembly for the target: see thread.rs. */
#include <stdint.h>

static __thread uint64_t word __attribute__((tls_model("initial-exec")));

uint64_t *metes_thread_word_address(void)
{
    return &word;
}
