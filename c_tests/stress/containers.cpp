// What C++ programs do: maps, strings and shared objects, made in one thread, grown in another, dropped in a third.
// cflags: -pthread
// args: 300
// soak-args: 20000
#include "check.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Parcel {
    std::map<std::string, std::vector<int>> lists;
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
};

std::mutex lock;
std::deque<std::shared_ptr<Parcel>> belt;

std::shared_ptr<Parcel> make(uint64_t *random) {
    auto parcel = std::make_shared<Parcel>();
    for (int i = 0; i < 40; i++) {
        auto &list = parcel->lists["a key long enough not to fit into the string itself " + std::to_string(next_random(random) % 100)];
        for (int k = 0; k < 30; k++) list.push_back(k);
    }
    parcel->size = 1 + next_random(random) % 100000;
    parcel->bytes.reset(new char[parcel->size]);
    fill(parcel->bytes.get(), 0, parcel->size, 7);
    return parcel;
}

void check(const Parcel &parcel) {
    CHECK(holds(parcel.bytes.get(), 0, parcel.size, 7));
    for (const auto &entry : parcel.lists)
        for (std::size_t i = 0; i < entry.second.size(); i++) CHECK(entry.second[i] == static_cast<int>(i % 30));
}

void work(unsigned me, long rounds) {
    uint64_t random = 0x9e3779b97f4a7c15u * (me + 1);
    std::vector<std::shared_ptr<Parcel>> kept;
    for (long i = 0; i < rounds; i++) {
        auto fresh = make(&random);
        std::shared_ptr<Parcel> old;
        {
            std::lock_guard<std::mutex> guard(lock);
            belt.push_back(std::move(fresh));
            if (belt.size() > 40) {
                old = std::move(belt.front());
                belt.pop_front();
            }
        }
        if (old) {
            check(*old);
            kept.push_back(std::move(old));
        }
        if (kept.size() > 20) kept.erase(kept.begin(), kept.begin() + 10);
    }
}

} // namespace

int main(int argc, char **argv) {
    long rounds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 300;
    {
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < 4; i++) threads.emplace_back(work, i, rounds);
        for (auto &thread : threads) thread.join();
    }
    for (const auto &parcel : belt) check(*parcel);
    belt.clear();
    check_heap();
    return 0;
}
