// A list is lost: its head directly, the rest only from there.
// exit: 9
// stderr: 160 \(16 direct, 144 indirect\) bytes in 1 blocks are definitely lost in loss record \d of \d
#include "check.h"

struct node {
    struct node *next;
    size_t value;
};

__attribute__((noinline)) static void lose(void) {
    struct node *head = NULL;
    for (size_t i = 0; i < 10; i++) {
        struct node *node = malloc(sizeof *node);
        *node = (struct node){head, i};
        head = node;
    }
    CHECK(opaque(head)->next);
}

// Wipes out pointers that are left in dead frames.
__attribute__((noinline)) static void wipe(void) {
    volatile char dead[4096];
    for (size_t i = 0; i < sizeof dead; i++) dead[i] = 0;
}

int main(void) {
    lose();
    wipe();
    return 0;
}
