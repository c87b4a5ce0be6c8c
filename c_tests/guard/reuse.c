// A freed slot waits until all others have been used.
// env: METES_OPTIONS=guard=1
#include "include/guard.h"

enum { SLOTS = 256 };

int main(void) {
    // Other code may hold some slots. A block of this size fills its slot, so its address is the slot's.
    uintptr_t seen[SLOTS];
    int held = 0;
    for (int i = 0; i < SLOTS; i++) {
        char *p = guarded(16384);
        seen[i] = (uintptr_t)p;
        for (int k = 0; k < i; k++) held += seen[k] == seen[i];
        free(p);
        if (held) {
            CHECK(seen[i] == seen[0] && i > 200);
            return 0;
        }
    }
    char *p = guarded(16384);
    CHECK((uintptr_t)p == seen[0]);
    free(p);
    check_whole();
    return 0;
}
