// What is destroyed is no pool.
// stderr: metes: M001 double free: metes_pool_destroy\(0x[0-9a-f]+\): no pool is here, or no more
// exit: SIGABRT
#include "check.h"
#include "metes.h"

int main(void) {
    long fake[100] = {0};
    metes_pool_destroy((struct metes_pool *)opaque(fake));
    return 0;
}
