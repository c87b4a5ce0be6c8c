// One thread allocates blocks and another frees them, in a ring of threads: each passes its blocks to the next.
// cflags: -pthread
// args: 300
// soak-args: 30000

#include "check.h"
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

static const int threads = 6, batch = 200;

struct Block {
    unsigned char *at;
    size_t size;
    unsigned seed;
};

struct Inbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::vector<Block>> batches;
};

static Inbox inboxes[threads];

static Block make(uint64_t *random) {
    uint64_t r = next_random(random);
    size_t limit = r % 500 == 0 ? 300 * KIB : r % 20 == 0 ? 8 * KIB : 400;
    Block block{nullptr, (r >> 20) % limit, static_cast<unsigned>(r >> 40)};
    switch (r % 4) {
    case 0: block.at = static_cast<unsigned char *>(calloc(1, block.size)); break;
    case 1: block.at = static_cast<unsigned char *>(aligned_alloc(64, block.size)); break;
    default: block.at = static_cast<unsigned char *>(malloc(block.size));
    }
    CHECK(block.at);
    fill(block.at, 0, block.size, block.seed);
    return block;
}

// Some blocks grow or shrink in the thread that receives them.
static void finish(Block block, uint64_t *random) {
    CHECK(holds(block.at, 0, block.size, block.seed));
    uint64_t r = next_random(random);
    if (r % 8 == 0) {
        size_t size = 1 + (r >> 20) % 2000;
        block.at = static_cast<unsigned char *>(realloc(block.at, size));
        CHECK(block.at && holds(block.at, 0, std::min(size, block.size), block.seed));
    }
    free(block.at);
}

static std::vector<Block> receive(Inbox &inbox) {
    std::unique_lock<std::mutex> lock(inbox.mutex);
    inbox.changed.wait(lock, [&] { return !inbox.batches.empty(); });
    std::vector<Block> blocks = std::move(inbox.batches.back());
    inbox.batches.pop_back();
    return blocks;
}

static void work(int self, int rounds) {
    uint64_t random = 1000 + static_cast<uint64_t>(self);
    Inbox &next = inboxes[(self + 1) % threads];
    for (int round = 0; round < rounds; round++) {
        std::vector<Block> blocks;
        for (int i = 0; i < batch; i++)
            blocks.push_back(make(&random));
        {
            std::lock_guard<std::mutex> lock(next.mutex);
            next.batches.push_back(std::move(blocks));
        }
        next.changed.notify_one();
        for (Block block : receive(inboxes[self]))
            finish(block, &random);
    }
}

int main(int, char **argv) {
    served_by_metes();
    int rounds = atoi(argv[1]);
    std::vector<std::thread> ring;
    for (int i = 0; i < threads; i++)
        ring.emplace_back(work, i, rounds);
    for (std::thread &thread : ring)
        thread.join();
    for (Inbox &inbox : inboxes)
        CHECK(inbox.batches.empty());
    check_heap();
}
