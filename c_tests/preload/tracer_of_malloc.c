// A library in front that wraps malloc and free by RTLD_NEXT, as heap tracers do, and allocates while it does.
// shared: wraps_malloc.c
// preload-also: wraps_malloc first
#include "check.h"

#include "include/life.h"

int main(void) {
    unsigned long *calls = dlsym(RTLD_DEFAULT, "wrapped_calls");
    CHECK(calls);
    for (unsigned i = 0; i < 20; i++) life(i);
    CHECK(*calls > 100);
    check_heap();
    return 0;
}
