// A SIGSEGV that was sent ends the process too.
// env: METES_OPTIONS=guard=1
// exit: SIGSEGV
#include "include/guard.h"

int main(void) {
    raise(SIGSEGV);
    return 0;
}
