/* reuse TRACE.csv: how soon metes gave the place of a freed block to another block, in calls, while the trace was recorded.
   A pointer that the program kept to the freed block leads to the other one from then on. */
#include "calls.h"

struct place { uintptr_t address; size_t freed; size_t size; unsigned thread; };

static size_t hash(uintptr_t address, size_t mask) { return (address >> 4) * 0x9e3779b97f4a7c15ull >> 20 & mask; }

int main(int n, char **a) {
    if (n != 2) fail("reuse TRACE.csv");
    struct trace t = read_calls(a[1]);
    size_t mask = 1;
    while (mask < (size_t)t.blocks * 2) mask *= 2;
    struct place *places = room(mask--, sizeof *places);
    size_t within[8] = {0}, frees = 0, reused = 0, other_size = 0, other_thread = 0;
    for (size_t i = 0; i < t.many; i++) {
        const struct call *c = &t.calls[i];
        size_t k = hash(c->address, mask);
        while (places[k].address && places[k].address != c->address) k = (k + 1) & mask;
        struct place *p = &places[k];
        if (c->frees) {
            *p = (struct place){c->address, i + 1, c->size, c->thread};
            frees++;
        } else if (p->freed) {
            size_t calls = i + 1 - p->freed, power = 0;
            for (size_t limit = 1; power < 7 && calls > limit; limit *= 10) power++;
            within[power]++;
            reused++;
            other_size += p->size != c->size;
            other_thread += p->thread != c->thread;
            p->freed = 0;
        }
    }
    printf("%zu frees; %.1f%% of the places were used again from the same address\n", frees, 100.0 * reused / frees);
    size_t sum = 0, limit = 1;
    for (int power = 0; power < 7; power++, limit *= 10) {
        sum += within[power];
        printf("within %8zu calls %6.1f%%\n", limit, 100.0 * sum / frees);
    }
    printf("for another size %.1f%%, by another thread than freed it %.1f%%, of those used again\n", 100.0 * other_size / reused,
           100.0 * other_thread / reused);
    return 0;
}
