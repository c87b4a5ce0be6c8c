// Objects of one size: metes_pool, boost::pool and the standard library's pool. One program each; see `run`.
//
// What is measured, in nanoseconds of CPU time for an allocation and its free: taking one object and giving it back; 1,000 objects, all freed in random order; a
// million live objects, of which a random one is freed and one is allocated, again and again; and, after all were freed in random order, for an allocation alone, a
// million anew. A new object is written to, and read before it is freed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#if defined(METES) || defined(METES_SHARED)
#include <metes.h>
#elif defined(BOOST)
#include <boost/pool/pool.hpp>
#else
#include <memory_resource>
#endif

#if defined(METES) || defined(METES_SHARED)
struct Pool {
    metes_pool *pool;
    explicit Pool(size_t bytes) {
        metes_pool_options options = {};
        options.size = sizeof options;
#ifdef METES_SHARED
        options.shared = 1;
#endif
        pool = metes_pool_new(bytes, &options);
    }
    ~Pool() { metes_pool_destroy(pool); }
    void *alloc() { return metes_pool_alloc(pool); }
    void free(void *object) { metes_pool_free(pool, object); }
};
#elif defined(BOOST)
struct Pool {
    boost::pool<> pool;
    explicit Pool(size_t bytes) : pool(bytes) {}
    void *alloc() { return pool.malloc(); }
    void free(void *object) { pool.free(object); }
};
#elif defined(PMR)
struct Pool {
    std::pmr::unsynchronized_pool_resource resource;
    std::pmr::memory_resource *pool = &resource;
    size_t bytes;
    explicit Pool(size_t bytes) : bytes(bytes) {}
    void *alloc() { return pool->allocate(bytes, 8); }
    void free(void *object) { pool->deallocate(object, bytes, 8); }
};
#else
struct Pool {
    size_t bytes;
    explicit Pool(size_t bytes) : bytes(bytes) {}
    void *alloc() { return malloc(bytes); }
    void free(void *object) { ::free(object); }
};
#endif

static double now() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static uint64_t state = 1, sum;

static uint64_t number() { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; }

static void *take(Pool &pool) {
    void *object = pool.alloc();
    *static_cast<uint64_t *>(object) = 1;
    return object;
}

static void give(Pool &pool, void *object) {
    sum += *static_cast<uint64_t *>(object);
    pool.free(object);
}

static double alternating(size_t bytes, long steps) {
    Pool pool(bytes);
    double start = now();
    for (long i = 0; i < steps; i++) give(pool, take(pool));
    return (now() - start) / steps;
}

static double thousand(size_t bytes, long rounds) {
    Pool pool(bytes);
    std::vector<void *> objects(1000);
    std::vector<unsigned> order(1000);
    for (unsigned i = 0; i < 1000; i++) order[i] = i;
    for (unsigned i = 1000; i-- > 1;) std::swap(order[i], order[number() % (i + 1)]);
    double start = now();
    for (long round = 0; round < rounds; round++) {
        for (auto &object : objects) object = take(pool);
        for (unsigned which : order) give(pool, objects[which]);
    }
    return (now() - start) / (rounds * 1000.0);
}

static double refill;

static double million(size_t bytes, long steps) {
    Pool pool(bytes);
    std::vector<void *> objects(1000000);
    double start = now();
    for (auto &object : objects) object = take(pool);
    for (long i = 0; i < steps; i++) {
        void *&object = objects[number() % objects.size()];
        give(pool, object);
        object = take(pool);
    }
    for (size_t i = objects.size(); i-- > 1;) std::swap(objects[i], objects[number() % (i + 1)]);
    for (void *object : objects) give(pool, object);
    double end = now();
    for (auto &object : objects) object = take(pool);
    refill = (now() - end) / objects.size();
    return (end - start) / (steps + objects.size());
}

int main(int argc, char **argv) {
    size_t bytes = argc > 1 ? strtoul(argv[1], nullptr, 10) : 64;
    double live = million(bytes, 4000000);
    printf("%.2f %.2f %.2f %.2f\n", alternating(bytes, 20000000), thousand(bytes, 10000), live, refill);
    return sum == 0;
}
