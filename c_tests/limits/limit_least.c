// The smallest limit: a program starts, gets some memory, and gets NULL when that is used up.
// env: METES_OPTIONS=limit=4m
#include "check.h"
#include "statistics.h"

#include "include/exhaust.h"

int main(void) {
    struct hoard h = new_hoard();
    served_by_metes();
    use_up_and_recover(&h, small, 900 * KIB);
    use_up_and_recover(&h, tiny, 300 * KIB);
    use_up_and_recover(&h, medium, 900 * KIB);
    CHECK(statistics().mapped <= 4 * MIB);
    return 0;
}
