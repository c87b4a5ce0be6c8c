// free(NULL) is the very first call: nothing is ready yet, and nothing needs to be.
#include "check.h"

static void before_all(void) {
    errno = EDOM;
    free(NULL);
    CHECK(errno == EDOM);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = before_all;

int main(void) {
    served_by_metes();
    free(NULL);
    free(malloc(1));
    check_heap();
    return 0;
}
