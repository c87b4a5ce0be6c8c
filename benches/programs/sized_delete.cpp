// Sized delete: C++ objects of a few small sizes, and the nodes and strings of a map that changes all the time.
//
// C++ tells the allocator the size when it deletes (N3778, "C++ Sized Deallocation", Crowl 2013): directly for
// complete types, through std::allocator for containers, and by the deleting destructor for polymorphic ones. The
// two halves take turns; the operation counted is an object replaced or a key of the map replaced.
#include "bench.h"

#include <map>
#include <string>
#include <vector>

namespace {

// Each kind has a size of its own, so that its delete has one too.
struct Shape {
    explicit Shape(unsigned char mark) : first(mark) {}
    virtual ~Shape() = default;
    virtual unsigned char last() const { return first; }
    unsigned char first;
};

template <size_t SIZE> struct Sized final : Shape {
    explicit Sized(unsigned char mark) : Shape(mark) { bytes[SIZE - 1] = mark; }
    unsigned char last() const override { return bytes[SIZE - 1]; }
    unsigned char bytes[SIZE];
};

Shape *new_shape(size_t kind, unsigned char mark)
{
    switch (kind) {
    case 0: return new Shape(mark);
    case 1: return new Sized<16>(mark);
    case 2: return new Sized<32>(mark);
    case 3: return new Sized<64>(mark);
    case 4: return new Sized<96>(mark);
    default: return new Sized<160>(mark);
    }
}

void replace_shapes(std::vector<Shape *> &shapes, uint64_t *random, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = random_below(random, shapes.size());
        delete shapes[k];
        shapes[k] = new_shape(random_below(random, 6), static_cast<unsigned char>(k));
    }
}

std::string text_of(uint64_t key)
{
    return std::string(key % 64, static_cast<char>('a' + key % 26));
}

void replace_keys(std::map<uint64_t, std::string> &map, uint64_t *random, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        auto next = map.lower_bound(random_next(random));
        map.erase(next == map.end() ? map.begin() : next);
        uint64_t key = random_next(random);
        map.emplace(key, text_of(key));
    }
}

} // namespace

int main(int argc, char **argv)
{
    options_begin(argc, argv);
    size_t live = option("live", 4096);
    size_t n = option_work("n", 7000000);
    options_end();

    uint64_t random = random_seed(0);
    std::vector<Shape *> shapes(live);
    for (size_t i = 0; i < live; i++)
        shapes[i] = new_shape(random_below(&random, 6), static_cast<unsigned char>(i));
    std::map<uint64_t, std::string> map;
    while (map.size() < live) {
        uint64_t key = random_next(&random);
        map.emplace(key, text_of(key));
    }

    size_t rounds = n / (2 * live) ? n / (2 * live) : 1;
    double begin = now();
    for (size_t round = 0; round < rounds; round++) {
        replace_shapes(shapes, &random, live);
        replace_keys(map, &random, live);
    }
    double seconds = now() - begin;

    for (size_t i = 0; i < live; i++) {
        auto mark = static_cast<unsigned char>(i);
        require(shapes[i]->first == mark && shapes[i]->last() == mark, "an object's contents");
        delete shapes[i];
    }
    require(map.size() == live, "the map's size");
    for (const auto &[key, text] : map)
        require(text == text_of(key), "a string of the map");
    print_result(rounds * 2 * live, seconds);
    return 0;
}
