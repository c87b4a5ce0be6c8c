// An object in memory of malloc is deleted.
// default: silent
// full: SIGABRT metes: M013 .*
// trailers: SIGABRT metes: M013 .*
// guard: silent
// debug: SIGABRT metes: M013 .*
#include "include/detect.h"

struct Point {
    double x, y;
};

int main() {
    Point *point = opaque(static_cast<Point *>(malloc(sizeof(Point))));
    delete opaque(point);
    return survived();
}
