// A reference count in a freed structure is decremented: the rest of the structure stays as it was.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: SIGABRT metes: M010 .*
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
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
