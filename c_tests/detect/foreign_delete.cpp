// A local object is deleted.
// default: SIGABRT metes: M004 .*
// full: SIGABRT metes: M004 .*
// trailers: SIGABRT metes: M004 .*
// guard: SIGABRT metes: M004 .*
// debug: SIGABRT metes: M004 .*
#include "include/detect.h"

struct Point {
    double x, y;
};

int main() {
    Point local{1, 2};
    delete opaque(&local);
    return survived();
}
