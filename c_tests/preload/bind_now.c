// LD_BIND_NOW: every symbol is bound before the first line of any library runs.
#include "check.h"

#include "include/life.h"

int main(int argc, char **argv) {
    if (argc == 1) {
        setenv("LD_BIND_NOW", "1", 1);
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        CHECK(!"exec");
    }
    served_by_metes();
    life(1);
    CHECK(dlopen("libm.so.6", RTLD_NOW));
    life(2);
    check_heap();
    return 0;
}
