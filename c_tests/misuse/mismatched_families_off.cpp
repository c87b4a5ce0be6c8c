// Where malloc, new and new[] are not told apart, sizes and alignments still are.
// ways: so preload
// env: METES_OPTIONS=checks=full,families=off
// exit: SIGABRT
// stderr: metes: M011 wrong size: free\(0x[0-9a-f]+\): this block has 100 bytes, and 99 were said
#include "check.h"

#include <new>

int main() {
    // The first blocks are guarded, the others have trailers.
    for (int i = 0; i < 300; i++) {
        ::operator delete(opaque((char *)malloc(100)), 100);
        free(opaque((char *)::operator new(100)));
        ::operator delete[](opaque((char *)::operator new(100)));
    }
    ::operator delete(opaque((char *)malloc(100)), 99);
    return 0;
}
