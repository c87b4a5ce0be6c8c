// The standard library's containers, churned in several threads at once, with
// their contents checked against what they should hold.
// cflags: -pthread

#include "check.h"
#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

static std::string text_for(uint64_t number) {
    return std::string(number % 90, static_cast<char>('a' + number % 26)) + std::to_string(number);
}

static void vectors(uint64_t random) {
    std::vector<std::vector<uint64_t>> rows;
    for (uint64_t i = 0; i < 300; i++) {
        rows.emplace_back();
        for (uint64_t k = 0; k < next_random(&random) % 400; k++)
            rows.back().push_back(i * k);
        if (i % 3 == 0)
            rows[next_random(&random) % rows.size()].shrink_to_fit();
    }
    for (uint64_t i = 0; i < rows.size(); i++)
        for (uint64_t k = 0; k < rows[i].size(); k++)
            CHECK(rows[i][k] == i * k);
}

static void maps(uint64_t random) {
    std::map<uint64_t, std::string> ordered;
    std::unordered_map<uint64_t, std::string> hashed;
    for (int i = 0; i < 20000; i++) {
        uint64_t number = next_random(&random) % 3000;
        if (next_random(&random) % 3 == 0) {
            CHECK(ordered.erase(number) == hashed.erase(number));
        } else {
            ordered[number] = text_for(number);
            hashed[number] = text_for(number);
        }
    }
    CHECK(ordered.size() == hashed.size());
    for (const auto &[number, text] : ordered)
        CHECK(text == text_for(number) && hashed.at(number) == text);
}

static void pointers(uint64_t random) {
    auto owners = std::make_shared<std::atomic<int>>(0);
    std::vector<std::shared_ptr<std::string>> shared;
    std::deque<std::unique_ptr<std::list<int>>> lists;
    std::vector<std::function<size_t()>> calls;
    for (int i = 0; i < 3000; i++) {
        shared.push_back(std::make_shared<std::string>(text_for(static_cast<uint64_t>(i))));
        lists.push_back(std::make_unique<std::list<int>>(10, i));
        std::weak_ptr<std::string> weak = shared.back();
        calls.push_back([weak, owners, text = std::string(50, 'c')] {
            ++*owners;
            return weak.expired() ? 0 : weak.lock()->size() + text.size() - 50;
        });
        if (next_random(&random) % 2)
            lists.pop_front();
    }
    for (size_t i = 0; i < calls.size(); i++)
        CHECK(calls[i]() == text_for(i).size());
    shared.clear();
    for (const auto &call : calls)
        CHECK(call() == 0);
    CHECK(*owners == 6000);
    for (const auto &list : lists)
        CHECK(list->size() == 10 && list->front() == list->back());
}

static void streams(uint64_t random) {
    std::ostringstream out;
    uint64_t sum = 0, number = 0, count = 0;
    for (int i = 0; i < 5000; i++) {
        uint64_t value = next_random(&random) % 100000;
        sum += value;
        out << value << ' ';
    }
    std::istringstream in(out.str());
    while (in >> number) {
        sum -= number;
        count++;
    }
    CHECK(count == 5000 && sum == 0);
}

int main() {
    served_by_metes();
    std::vector<std::thread> threads;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        threads.emplace_back([seed] {
            for (uint64_t round = 0; round < 3; round++) {
                vectors(seed * 10 + round);
                maps(seed * 20 + round);
                pointers(seed * 30 + round);
                streams(seed * 40 + round);
            }
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    check_heap();
}
