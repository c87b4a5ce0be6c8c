// Two objects hold each other by shared_ptr.
// default: silent
// full: silent
// trailers: silent
// guard: silent
// debug: 0 metes: M016 .*
#include "include/detect.h"

#include <memory>

struct Node {
    std::shared_ptr<Node> other;
};

__attribute__((noinline)) static void ties() {
    auto first = std::make_shared<Node>(), second = std::make_shared<Node>();
    first->other = second;
    second->other = first;
}

// Far down the stack, so that later frames hold no stale copy of a pointer. Several times, because registers may
// still hold one.
__attribute__((noinline)) static void far_down() {
    volatile char room[16384];
    room[0] = 0;
    for (int i = 0; i < 4; i++) ties();
    room[1] = room[0];
}

int main() {
    far_down();
    return survived();
}
