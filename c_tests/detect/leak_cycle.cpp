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

int main() {
    ties();
    return survived();
}
