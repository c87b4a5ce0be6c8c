// A block in a mixed slab is freed twice, and its second word was written to in between.
// env: METES_OPTIONS=decay_ms=0
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block( of 320 bytes)? is free already
// exit: SIGABRT
#include "check.h"

#include "sparse.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    make_sparse(&random);
    unsigned char *block = block_among_sparse(310);
    free(block);
    malloc_trim(0); // out of the thread's cache
    ((volatile uint64_t *)opaque(block))[1] = 1;
    free(opaque(block));
    return 0;
}
