// metes is opened after other libraries have taken most of the static thread-local room: it asks for one word.
// ways: plain
// shared: static_tls.c
#include "check.h"

#include "include/metes_by_hand.h"

int main(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/libstatic_tls.so", getenv("METES_TEST_DIR"));
    void *taker = dlopen(path, RTLD_NOW);
    CHECK(taker);
    char *(*room)(void) = (char *(*)(void))dlsym(taker, "static_tls_room");
    CHECK(room && room()[0] == 1);
    struct metes metes = open_metes();
    for (size_t size = 1; size < 3000000; size = size * 3) use(&metes, size);
    CHECK(metes.check() == NULL);
    CHECK(room()[0] == 2);
    return 0;
}
