// A tag is found again by the name it was made with, whatever bytes that has, and however long it is.
#include "include/heaps.h"

int main(void) {
    const char *names[] = {"a\n", "tab\tname", "caf\xe9", "a 30-byte name and some more. \xc3\xa9x",
                           "0123456789012345678901234567890", "01234567890123456789012345678901", "", "plain"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct metes_heap *first = metes_tag(names[i]);
        for (int again = 0; again < 300; again++) {
            CHECK(first != NULL && metes_tag(names[i]) == first);
        }
    }
    CHECK(metes_tag("another") != NULL && metes_tag("another") != metes_tag("plain"));
    return 0;
}
