// Two objects hold each other by shared_ptr.
// default: silent
// full: silent
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

// Far down, where nothing that comes later leaves it a copy of a pointer.
__attribute__((noinline)) static void far_down() {
    volatile char room[16384];
    room[0] = 0;
    ties();
    room[1] = room[0];
}

int main() {
    far_down();
    return survived();
}
