// An object is deleted twice.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

struct Point {
    double x, y, z;
};

int main() {
    Point *point = opaque(new Point{1, 2, 3});
    delete point;
    delete opaque(point);
    return survived();
}
