// The classes of metes.hpp.
// cflags: -std=c++17 -pedantic
// stderr: metes: metes_arena_new: limit=5 is not valid: valid are 0, and 256 and more
#include "check.h"
#include "metes.hpp"
#include <map>
#include <string>
#include <vector>

static int destroyed;

struct Counted {
    explicit Counted(int n) : number(n) {}
    ~Counted() { destroyed++; }
    int number;
};

static void containers(metes::arena &arena) {
    metes::arena_resource resource(arena), same(arena.handle());
    metes::arena other;
    CHECK(resource == same && !(resource == metes::arena_resource(other)) && !(resource == *std::pmr::new_delete_resource()));
    std::pmr::map<std::pmr::string, std::pmr::vector<int>> map(&resource);
    for (int k = 0; k < 1000; k++) map[std::pmr::string("a key that is longer than fifteen " + std::to_string(k % 50), &resource)].push_back(k);
    CHECK(map.size() == 50 && map.begin()->second.size() == 20 && arena.owns(&*map.begin()));
    std::vector<double, metes::arena_allocator<double>> numbers{arena};
    for (int k = 0; k < 100000; k++) numbers.push_back(k);
    CHECK(arena.owns(numbers.data()) && numbers[99999] == 99999 && !arena.check());
    std::map<int, int, std::less<int>, metes::arena_allocator<std::pair<const int, int>>> plain{metes::arena_allocator<int>(arena)};
    for (int k = 0; k < 1000; k++) plain[k] = k;
    CHECK(plain.size() == 1000);
    struct alignas(64) Wide { char bytes[64]; };
    std::pmr::vector<Wide> wide(100, &resource);
    CHECK(is_aligned(wide.data(), 64));
}

static void objects(metes::arena &arena) {
    Counted *first = arena.make<Counted>(7);
    {
        metes::arena::scope scope(arena);
        CHECK(arena.make<Counted>(8)->number == 8);
    }
    CHECK(destroyed == 1 && first->number == 7);
    int *zeroes = arena.make_array<int>(1000);
    CHECK(zeroes[999] == 0 && !std::strcmp(arena.string("metes"), "metes"));
    metes::arena moved(std::move(arena));
    moved.reset();
    CHECK(destroyed == 2 && moved.used() == 0 && moved.stats().resets == 2);
    arena = std::move(moved);
}

static void failures() {
    alignas(16) static char buffer[2048];
    metes::arena arena(buffer, sizeof buffer);
    CHECK(arena.try_allocate(5000) == nullptr);
    int caught = 0;
    try {
        arena.allocate(5000);
    } catch (const std::bad_alloc &) {
        caught++;
    }
    try {
        metes::arena_resource resource(arena);
        std::pmr::vector<int> numbers(10000, &resource);
    } catch (const std::bad_alloc &) {
        caught++;
    }
    try {
        metes_arena_options options = {};
        options.size = sizeof options;
        options.limit = 5;
        metes::arena none(options);
    } catch (const std::invalid_argument &) {
        caught++;
    }
    CHECK(caught == 3);
}

int main() {
    metes::arena arena;
    containers(arena);
    arena.reset();
    objects(arena);
    failures();
    CHECK(!arena.check());
    check_heap();
    return 0;
}
