// With little address space there may be few heaps; where there are as many as there may be, a destroyed one makes room for another.
#include "include/heaps.h"
#include <sys/resource.h>

int main(void) {
    free(malloc(10));
    struct rlimit limit = {60 << 20, 60 << 20};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    static struct metes_heap *heaps[70000];
    int count = 0;
    while (count < 70000 && (heaps[count] = metes_heap_new(NULL)) != NULL) {
        count++;
    }
    CHECK(count > 500 && count < 70000);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++) {
            metes_heap_destroy(heaps[i]);
        }
        for (int i = 0; i < 10; i++) {
            CHECK((heaps[i] = metes_heap_new(NULL)) != NULL);
        }
    }
    CHECK(metes_heap_new(NULL) == NULL && errno == ENOMEM && metes_check() == NULL);
    return 0;
}
