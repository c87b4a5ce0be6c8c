// Nothrow forms that call malloc themselves, as libstdc++'s did before GCC 9.
#include <new>
#include <stdlib.h>

void *operator new(size_t size, const std::nothrow_t &) noexcept { return malloc(size ? size : 1); }

void *operator new[](size_t size, const std::nothrow_t &quiet) noexcept { return operator new(size, quiet); }
