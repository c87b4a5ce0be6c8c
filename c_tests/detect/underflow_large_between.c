// The eight bytes before a block of 4 MiB are read. Another block stands behind it, and one that was allocated later
// stands before it.
// full: SIGSEGV metes: M015 .*: 8 bytes before the block of 4194304 bytes at .*
// trailers: SIGSEGV metes: M015 .*: 8 bytes before the block of 4194304 bytes at .*
// debug: SIGSEGV metes: M015 .*: 8 bytes before the block of 4194304 bytes at .*
#include "include/detect.h"

int main(void) {
    char *blocks[3];
    for (int i = 0; i < 3; i++) memset(blocks[i] = malloc(4 * MIB), 1, 4 * MIB);
    volatile char c = *(volatile char *)(opaque(blocks[1]) - 8);
    (void)c;
    for (int i = 0; i < 3; i++) free(blocks[i]);
    return survived();
}
