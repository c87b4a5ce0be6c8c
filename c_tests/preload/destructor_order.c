// Key destructors run in every order. Keys are made before and after a thread's first use of the heap. Each
// destructor allocates, frees and sets its value again, for as many rounds as there are. A late free must not bring
// back what was taken down.
// cflags: -pthread
#include "check.h"

#include <limits.h>
#include <pthread.h>

#include "include/life.h"

enum { KEYS = 40 };

static pthread_key_t keys[KEYS];
static __thread int rounds[KEYS];

struct value {
    int which;
    void *more;
};

static void *value_for(int which) {
    struct value *v = malloc(sizeof *v);
    CHECK(v);
    v->which = which;
    v->more = malloc(100 + 50 * (size_t)which);
    CHECK(v->more);
    return v;
}

static void destroy(void *at) {
    struct value v = *(struct value *)at;
    free(v.more);
    free(at);
    life((unsigned)v.which);
    if (++rounds[v.which] < PTHREAD_DESTRUCTOR_ITERATIONS) CHECK(pthread_setspecific(keys[v.which], value_for(v.which)) == 0);
}

static void *body(void *arg) {
    for (int i = KEYS - 1; i >= 0; i--) CHECK(pthread_setspecific(keys[i], value_for(i)) == 0);
    return arg;
}

int main(void) {
    pthread_t thread;
    size_t early = 0;
    served_by_metes();
    for (int i = 0; i < KEYS / 2; i++) CHECK(pthread_key_create(&keys[i], destroy) == 0);
    life(1);
    for (int i = KEYS / 2; i < KEYS; i++) CHECK(pthread_key_create(&keys[i], destroy) == 0);
    for (int i = 0; i < 60; i++) {
        CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        if (i == 20) early = resident_bytes();
    }
    CHECK(resident_bytes() < early + 4 * MIB);
    check_heap();
    return 0;
}
