// What is not valid is named, with what is.
// stderr: metes: metes_buddy_new: min_block is 48; valid: a power of two from 16 to 1073741824
// stderr: metes: metes_buddy_new: max_block is 100; valid: a power of two from 64, which is min_block, to 4398046511104
// stderr: metes: metes_buddy_new: shared is 2; valid: 0 or 1
// stderr: metes: metes_buddy_new: offsets is 3; valid: 0 or 1
// stderr: metes: metes_buddy_new: bytes is 63; valid: room for one block of 64 bytes, which is min_block, to [0-9]+ of them
// stderr: metes: metes_buddy_new: size is 0; valid: sizeof\(struct metes_buddy_options\)
// stderr: metes: metes_buddy_new: control_bytes is 100; valid: [0-9]+ and more
// stderr: metes: metes_buddy_new: control is [0-9]+; valid: a multiple of 16
// stderr: metes: metes_buddy_new: range is [0-9]+; valid: NULL, where there are offsets alone
// stderr: metes: metes_buddy_new: bytes is 1152921504606846976; valid: room for .*
#include "check.h"
#include "metes.h"

static char control[100000] __attribute__((aligned(16)));

static void refused(void *range, size_t bytes, struct metes_buddy_options options) {
    errno = 0;
    CHECK(!metes_buddy_new(range, bytes, &options) && errno == EINVAL);
}

int main(void) {
    size_t size = sizeof(struct metes_buddy_options);
    refused(NULL, 4096, (struct metes_buddy_options){.size = size, .min_block = 48});
    refused(NULL, 4096, (struct metes_buddy_options){.size = size, .max_block = 100});
    refused(NULL, 4096, (struct metes_buddy_options){.size = size, .shared = 2});
    refused(NULL, 4096, (struct metes_buddy_options){.size = size, .offsets = 3});
    refused(NULL, 63, (struct metes_buddy_options){.size = size});
    refused(NULL, 4096, (struct metes_buddy_options){.max_block = 4096});
    refused(NULL, 4096, (struct metes_buddy_options){.size = size, .control = control, .control_bytes = 100});
    refused(NULL, 4096, (struct metes_buddy_options){.size = size, .control = control + 8, .control_bytes = sizeof control - 8});
    refused(control, 4096, (struct metes_buddy_options){.size = size, .offsets = 1});
    refused(NULL, (size_t)1 << 60, (struct metes_buddy_options){.size = size});
    return 0;
}
