// A sandbox kills for all calls but those that malloc is known for and the clone of pthread_create. A program in it
// that frees much and then waits is not killed, and its freed memory goes back with its next calls.
// env: METES_OPTIONS=decay_ms=200
#include "check.h"

#include "include/sandboxed.h"

int main(void) {
    static const int allowed[] = {MEMORY_CALLS, OWN_CALLS};
    fill_before();
    size_t full = resident_now();
    allow_only(allowed, sizeof allowed / sizeof allowed[0], 1);
    free_much();
    for (int i = 0; i < 12; i++) wait_a_little();
    CHECK(is_given_back(full, 1));
    return 0;
}
