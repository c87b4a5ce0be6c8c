// A list is freed, and each element's number is added up after the element is freed.
// default: silent
// full: SIGSEGV metes: M014 .*
// trailers: silent
// guard: SIGSEGV metes: M014 .*
// debug: SIGSEGV metes: M014 .*
#include "include/detect.h"

struct node {
    struct node *next;
    long number;
};

int main(void) {
    struct node *list = NULL;
    for (long i = 0; i < 10; i++) {
        struct node *node = malloc(sizeof *node);
        node->next = list;
        node->number = i;
        list = node;
    }
    long sum = 0;
    while (list) {
        struct node *next = list->next;
        free(list);
        sum += opaque(list)->number;
        list = next;
    }
    opaque(sum);
    return survived();
}
