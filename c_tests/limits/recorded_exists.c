// A recording does not go to a file that is there already: that is said, and the program goes on unrecorded.
// ways: so preload
// env: METES_OPTIONS=trace=/dev/null
// stderr: metes: cannot make the trace '/dev/null': it must not be there yet
#include "check.h"

int main(void) {
    for (int i = 0; i < 1000; i++) {
        char *volatile p = malloc(100);
        CHECK(p);
        free(p);
    }
    return 0;
}
