// A library preloaded after metes has a dlsym that calls calloc.
// shared: dlsym_callocs.c
// preload-also: dlsym_callocs last
#include "check.h"

#include "include/life.h"

int main(void) {
    served_by_metes();
    CHECK(dlsym(RTLD_DEFAULT, "getpid"));
    for (unsigned i = 0; i < 20; i++) life(i);
    check_heap();
    return 0;
}
