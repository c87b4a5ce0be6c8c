// reallocarray is realloc of a product that is not allowed to overflow.

#include "check.h"

int main(void) {
    served_by_metes();
    int *numbers = NULL;
    for (int count = 1; count <= 200000; count += 1 + count / 8) {
        int old = numbers ? numbers[0] : 0;
        numbers = (int *)reallocarray(numbers, (size_t)count, sizeof *numbers);
        CHECK(numbers && malloc_usable_size(numbers) >= (size_t)count * sizeof *numbers);
        for (int i = 1; i < old; i++)
            CHECK(numbers[i] == i);
        for (int i = old ? old : 1; i < count; i++)
            numbers[i] = i;
        numbers[0] = count;
    }

    int count = numbers[0];
    errno = 0;
    CHECK(reallocarray(numbers, opaque(SIZE_MAX / 4 + 1), sizeof *numbers) == NULL);
    CHECK(errno == ENOMEM);
    CHECK(numbers[0] == count && numbers[count - 1] == count - 1);

    // A zero product frees, as realloc does.
    CHECK(reallocarray(numbers, opaque((size_t)0), sizeof *numbers) == NULL);
    CHECK(reallocarray(malloc(100), 8, opaque((size_t)0)) == NULL);
    void *zero = reallocarray(NULL, opaque((size_t)0), opaque((size_t)0));
    CHECK(zero);
    free(zero);
    check_heap();
}
