// An element of an array is deleted.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

struct Point {
    double x, y;
};

int main() {
    Point *points = opaque(new Point[10]);
    delete opaque(&points[3]);
    return survived();
}
