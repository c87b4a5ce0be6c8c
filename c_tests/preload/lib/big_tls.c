// Dynamic thread-local memory: ld.so calls malloc for it when a thread first touches it, and free at the thread's
// end.
#include <stdlib.h>

static __thread char big[4096] = {1};
static __thread void *pointer;

int touch_tls(void) {
    big[100]++;
    free(pointer);
    pointer = malloc(200);
    return big[0] == 1 && pointer;
}

void drop_tls(void) {
    free(pointer);
    pointer = NULL;
}
