// The classes of metes.hpp for heaps and pools.
// cflags: -std=c++17 -pedantic
// stderr: metes: metes_heap_new: fit is 9: valid are 0 \(best\), 1 \(first\) and 2 \(worst\)
#include "check.h"
#include "metes.hpp"
#include <list>
#include <map>
#include <string>
#include <vector>

static void on_a_heap() {
    metes::heap heap("containers"), other;
    metes::heap_resource resource(heap), same(heap.handle());
    CHECK(resource == same && !(resource == metes::heap_resource(other)));
    {
        std::pmr::map<int, std::pmr::string> map(&resource);
        for (int k = 0; k < 1000; k++) map[k] = "a text that is longer than fifteen characters " + std::to_string(k);
        for (int k = 0; k < 1000; k += 2) map.erase(k);
        CHECK(map.size() == 500 && heap.owns(&*map.begin()) && heap.owns(map.begin()->second.data()) && !heap.check());
        std::vector<double, metes::heap_allocator<double>> numbers{heap};
        for (int k = 0; k < 100000; k++) numbers.push_back(k);
        CHECK(heap.owns(numbers.data()) && numbers[99999] == 99999);
        std::list<int, metes::heap_allocator<int>> list{metes::heap_allocator<int>(heap)};
        for (int k = 0; k < 1000; k++) list.push_front(k);
        struct alignas(64) Wide { char bytes[64]; };
        std::pmr::vector<Wide> wide(100, &resource);
        CHECK(is_aligned(wide.data(), 64) && heap.stats().blocks > 1500);
    }
    CHECK(heap.stats().blocks == 0 && !heap.check());
    {
        metes::heap::scope scope(heap);
        CHECK(scope.entered());
        int *number = new int(7);
        CHECK(heap.owns(number));
        delete number;
    }
    CHECK(!heap.owns(std::vector<int>(10).data()));
    metes::heap moved(std::move(heap));
    void *block = moved.allocate(100, 128);
    CHECK(is_aligned(block, 128));
    moved.deallocate(block);
    heap = std::move(moved);
    CHECK(heap.allocate(10) != nullptr);
}

static void on_a_pool() {
    metes::pool pool(48);
    metes::heap heap;
    metes::heap_resource rest(heap);
    metes::pool_resource resource(pool, &rest), same(pool, &rest);
    CHECK(resource == same && !(resource == metes::pool_resource(pool)));
    {
        std::pmr::list<long> list(&resource);
        for (long k = 0; k < 1000; k++) list.push_back(k);
        CHECK(pool.owns(&*list.begin()) == false && pool.stats().live >= 1000 && !pool.check());
        std::pmr::vector<char> large(1000, &resource);
        CHECK(heap.owns(large.data()));
        struct alignas(64) Wide { char bytes[32]; };
        std::pmr::vector<Wide> wide(1, &resource);
        CHECK(heap.owns(wide.data()) && is_aligned(wide.data(), 64));
    }
    CHECK(pool.stats().live == 0 && heap.stats().blocks == 0);
    void *object = pool.allocate();
    CHECK(pool.owns(object));
    pool.deallocate(object);
}

static void failures() {
    metes::heap heap("small", 100000);
    CHECK(heap.try_allocate(200000) == nullptr);
    int caught = 0;
    try {
        metes::heap_resource resource(heap);
        std::pmr::vector<int> numbers(100000, &resource);
    } catch (const std::bad_alloc &) {
        caught++;
    }
    try {
        metes_heap_options options = {};
        options.size = sizeof options;
        options.fit = 9;
        metes::heap none(options);
    } catch (const std::invalid_argument &) {
        caught++;
    }
    try {
        metes_pool_options options = {};
        options.size = sizeof options;
        options.limit = 1;
        metes::pool pool(16, options);
        pool.allocate();
        pool.allocate();
    } catch (const std::bad_alloc &) {
        caught++;
    }
    CHECK(caught == 3);
}

int main() {
    on_a_heap();
    on_a_pool();
    failures();
    check_heap();
    return 0;
}
