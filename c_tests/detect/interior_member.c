// A member of a structure is freed, 8 bytes behind its start.
// default: SIGABRT metes: M003 .*
// full: SIGABRT metes: M003 .*
// trailers: SIGABRT metes: M003 .*
// guard: SIGABRT metes: M003 .*
// debug: SIGABRT metes: M003 .*
#include "include/detect.h"

struct node {
    struct node *next;
    char payload[92];
};

int main(void) {
    struct node *node = malloc(sizeof *node);
    free(opaque(node->payload));
    return survived();
}
