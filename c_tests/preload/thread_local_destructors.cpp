// thread_local objects have destructors. Registering each calls calloc, and they run while the thread ends, before
// and after the destructors of keys.
// cflags: -pthread
#include "check.h"

#include <memory>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Late {
    std::vector<std::string> strings;
    ~Late() {
        for (int i = 0; i < 50; i++) strings.push_back("made while the thread ends, long enough for the heap " + std::to_string(i));
    }
};

thread_local Late first;
thread_local std::unique_ptr<Late> second;
thread_local std::string third = "a string that does not fit into itself at all";

void body(int rounds) {
    for (int i = 0; i < rounds; i++) {
        first.strings.push_back(third + std::to_string(i));
        if (!second) second.reset(new Late);
        second->strings.push_back(third);
        third += "and more";
    }
}

} // namespace

int main() {
    served_by_metes();
    for (int round = 0; round < 50; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; i++) threads.emplace_back(body, 10 + i);
        for (auto &thread : threads) thread.join();
    }
    body(3);
    check_heap();
    return 0;
}
