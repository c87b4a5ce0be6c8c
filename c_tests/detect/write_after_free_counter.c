// A reference count in a freed structure is decremented: a bug that leaves the rest of it as it was.
// default: silent
// full: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGABRT metes: M010 .*
#include "include/detect.h"

struct object {
    void *data;
    long references;
};

int main(void) {
    struct object *object = malloc(sizeof *object);
    object->references = 2;
    free(object);
    opaque(object)->references--;
    return survived();
}
