// Like never_out.c, by a delete that says the size.
// stderr: metes: M001 double free: free\(0x[0-9a-f]+\): this block of 64 bytes is free already
// exit: SIGABRT
#include "check.h"

#include <new>

int main() {
    char *p = static_cast<char *>(operator new(64));
    operator delete(opaque(p + 4096), static_cast<size_t>(64));
    return 0;
}
