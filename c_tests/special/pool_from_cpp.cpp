// The header serves C++, and a pool the objects of a class.
#include "check.h"
#include "metes.h"
#include <new>

struct Node {
    Node *next;
    int value;
};

int main() {
    metes_pool *pool = metes_pool_new(sizeof(Node), nullptr);
    Node *list = nullptr;
    for (int i = 0; i < 1000; i++) list = new (metes_pool_alloc(pool)) Node{list, i};
    int sum = 0;
    for (Node *node = list; node; node = node->next) sum += node->value;
    CHECK(sum == 499500);
    struct metes_pool_stats stats;
    metes_pool_stats(pool, &stats, sizeof stats);
    CHECK(stats.live == 1000 && stats.align >= alignof(Node));
    metes_pool_destroy(pool);
}
