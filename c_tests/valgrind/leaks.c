// Memcheck tells lost blocks apart as with its own malloc: those lost directly, indirectly or possibly, and those
// that can be reached.
// exit: 9
// stderr: 40 \(16 direct, 24 indirect\) bytes in 1 blocks are definitely lost in loss record \d of \d
// detail: checked::malloc .*; by 0x\w+: lose \(leaks\.c.*; by 0x\w+: main \(leaks\.c
// stderr: 200 bytes in 1 blocks are possibly lost in loss record \d of \d
#include "check.h"

struct node {
    struct node *next;
    size_t value;
};

static void *volatile reached;
static char *volatile inside;

__attribute__((noinline)) static void lose(void) {
    struct node *head = malloc(sizeof *head);
    head->next = malloc(24);
    CHECK(opaque(head)->next);
}

// Wipes out pointers that are left in dead frames and registers.
__attribute__((noinline)) static void wipe(void) {
    volatile char dead[4096];
    for (size_t i = 0; i < sizeof dead; i++) dead[i] = 0;
}

int main(void) {
    lose();
    wipe();
    reached = malloc(100);
    inside = (char *)malloc(200) + 50;
    free(malloc(1000000));
    return 0;
}
