// A program that frees little has no helper.
// ways: preload
#include "check.h"

#include "include/resident.h"

int main(void) {
    served_by_metes();
    for (int round = 0; round < 20; round++) {
        void *some[100];
        for (int i = 0; i < 100; i++) CHECK(some[i] = malloc(50000));
        for (int i = 0; i < 100; i++) free(some[i]);
    }
    CHECK(tasks() == 1);
    return 0;
}
