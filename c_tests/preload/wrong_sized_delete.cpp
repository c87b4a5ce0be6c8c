// delete through a base without a virtual destructor passes the base's size, not the object's. That is wrong, and is
// reported, but libc's free does not care. With checks=off metes does not care either, and all is freed as it should
// be.
// env: METES_OPTIONS=checks=off
// cflags: -Wno-delete-non-virtual-dtor
#include "check.h"

struct Base {
    int number;
};

struct Derived : Base {
    char bytes[5000];
};

int main() {
    served_by_metes();
    for (int i = 0; i < 1000; i++) {
        Base *base = opaque<Base *>(new Derived);
        delete base;
        char *p = opaque(new char[10000]);
        operator delete[](p, std::size_t(1));
    }
    check_heap();
    return 0;
}
