// Memcheck cannot know by which function another allocator's block was allocated, nor its size and alignment. metes
// says these.
// exit: 9
// stderr: metes: M013 mismatched free: free\(0x\w+\): this block is from new, and was given to free
// stderr: Unaddressable byte\(s\) found during client check request
// detail: is 0 bytes inside a block of size 4 free'd$
// detail: operator new\(unsigned long\) .*; by 0x\w+: main \(mismatched\.cpp
// stderr: metes: M013 mismatched free: free\(0x\w+\): this block is from malloc, and was given to delete
// stderr: Unaddressable byte\(s\) found during client check request
// stderr: metes: M013 mismatched free: free\(0x\w+\): this block is from new\[\], and was given to delete
// stderr: Unaddressable byte\(s\) found during client check request
// stderr: metes: M012 wrong alignment: free\(0x\w+\): this block was asked for with an alignment of 64, not 128
// stderr: Unaddressable byte\(s\) found during client check request
#include "check.h"

#include <new>

int main() {
    free(opaque(new int));
    ::operator delete(opaque(malloc(4)));
    ::operator delete(opaque(new int[2]));
    ::operator delete(::operator new(10, std::align_val_t(64)), std::align_val_t(128));
    // All of these are right.
    ::operator delete(::operator new(10, std::nothrow), std::nothrow);
    ::operator delete[](::operator new[](10, std::nothrow), std::nothrow);
    ::operator delete[](::operator new[](10, std::align_val_t(64), std::nothrow), std::align_val_t(64), std::nothrow);
    return 0;
}
