// A pointer into a block in a mixed slab.
// env: METES_OPTIONS=decay_ms=0
// stderr: metes: M003 interior pointer: free\(0x[0-9a-f]+\): 160 bytes into the block of 320 bytes at 0x[0-9a-f]+
// exit: SIGABRT
#include "check.h"

#include "sparse.h"

int main(void) {
    uint64_t random = 88172645463325252u;
    make_sparse(&random);
    free(opaque(block_among_sparse(310) + 160));
    return 0;
}
