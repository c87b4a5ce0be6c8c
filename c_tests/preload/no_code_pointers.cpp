// The library's writable data has no address of code, so a write there cannot choose what runs.
#include "check.h"

#include <new>

#include "include/maps.h"

extern "C" int (*metes_set_oom_handler(int (*handler)(size_t bytes)))(size_t) __attribute__((weak));

static int handler(size_t bytes) { return (void)bytes, 0; }

static struct map all[MAPS_MOST], ours[MAPS_MOST];

int main() {
    served_by_metes();
    typedef int (*handler_fn)(size_t);
    typedef handler_fn (*set_fn)(handler_fn);
    set_fn set = (set_fn)(uintptr_t)dlsym(RTLD_DEFAULT, "metes_set_oom_handler");
    CHECK(set && set(handler) == NULL);
    // Each of these looks up a function of the C++ runtime, and keeps it.
    int *one = opaque(new (std::nothrow) int), *some = opaque(new (std::nothrow) int[3]);
    struct alignas(64) wide { char bytes[64]; };
    wide *two = opaque(new (std::nothrow) wide), *more = opaque(new (std::nothrow) wide[3]);
    delete one;
    delete[] some;
    delete two;
    delete[] more;

    int count = maps_of_process(all), pieces = maps_of_metes(ours), wrong = 0, words = 0;
    for (int i = 0; i < pieces; i++) {
        CHECK(!(ours[i].may_write && ours[i].may_execute));
        if (!ours[i].may_write) continue;
        for (uintptr_t at = ours[i].start; at + sizeof(uintptr_t) <= ours[i].end; at += sizeof(uintptr_t), words++) {
            uintptr_t word = *(const uintptr_t *)at;
            for (int k = 0; k < count; k++) {
                if (all[k].may_execute && word >= all[k].start && word < all[k].end) {
                    fprintf(stderr, "%#lx of %s has %#lx, in %s\n", at - ours[0].start, ours[i].name, word, all[k].name);
                    wrong++;
                }
            }
        }
    }
    CHECK(words > 1000);
    // The handler was really set, although no word has its address.
    CHECK(set(NULL) == handler && set(NULL) == NULL);
    return wrong != 0;
}
