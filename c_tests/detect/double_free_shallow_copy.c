// A structure is copied with the pointer in it, and both copies are torn down.
// default: SIGABRT metes: M001 .*
// full: SIGABRT metes: M001 .*
// trailers: SIGABRT metes: M001 .*
// guard: SIGABRT metes: M001 .*
// debug: SIGABRT metes: M001 .*
#include "include/detect.h"

struct message {
    int number;
    char *text;
};

static void tear_down(struct message *message) { free(opaque(message->text)); }

int main(void) {
    struct message first = {1, malloc(100)}, second = first;
    second.number = 2;
    tear_down(&first);
    tear_down(&second);
    return survived();
}
