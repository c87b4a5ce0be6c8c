// A fault that is not metes' ends the process as it would without metes.
// env: METES_OPTIONS=guard=1
// exit: SIGSEGV
#include "include/guard.h"

int main(void) {
    *(volatile char *)unseen((char *)16) = 1;
    return 0;
}
