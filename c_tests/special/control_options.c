// An option's value is what METES_OPTIONS would take; a name that is none is EINVAL.
// env: METES_OPTIONS=fit=first,cutoff=1m
#include "check.h"
#include <metes.h>

int main(void) {
    char value[32];
    CHECK(metes_option_get("fit", value, sizeof value) == 5 && strcmp(value, "first") == 0);
    CHECK(metes_option_get("cutoff", value, sizeof value) == 2 && strcmp(value, "1m") == 0);
    CHECK(metes_option_set("cutoff", "2m") == 0);
    CHECK(metes_option_get("cutoff", value, sizeof value) == 2 && strcmp(value, "2m") == 0);
    CHECK(metes_option_get("fit", value, 3) == 5 && strcmp(value, "fi") == 0);
    CHECK(metes_option_get("fit", NULL, 0) == 5);
    errno = 0;
    CHECK(metes_option_get("fits", value, sizeof value) == -1 && errno == EINVAL);
    return 0;
}
