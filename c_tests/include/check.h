// What every test program shares: CHECK, the heap's own validator, and patterns.
//
// Include it first: it asks libc for the GNU declarations. Nothing here
// allocates, so a check never changes the heap it looks at.

#ifndef METES_CHECK_H
#define METES_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif
// Weak, because a preloaded program is linked without metes. Some libcs lack C23's functions or the retired ones.
extern const char *metes_check(void) __attribute__((weak));
extern void free_sized(void *block, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *block, size_t alignment, size_t size) __attribute__((weak));
extern void cfree(void *block) __attribute__((weak));
#ifdef __cplusplus
}
#endif

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

// `_exit`, because no exit handler may run on a broken heap.
__attribute__((noreturn, unused)) static void check_failed(const char *file, int line,
                                                           const char *what) {
    fprintf(stderr, "%s:%d: failed: %s (errno %d)\n", file, line, what, errno);
    _exit(1);
}

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))

typedef const char *(*metes_check_fn)(void);

// dlsym does not see the symbols of metes linked into the program itself. The weak reference finds them.
__attribute__((unused)) static metes_check_fn find_metes_check(void) {
    metes_check_fn found = (metes_check_fn)(uintptr_t)dlsym(RTLD_DEFAULT, "metes_check");
    return found ? found : metes_check;
}

// The address where this object or program is loaded.
__attribute__((unused)) static void *object_of(void *address) {
    Dl_info info;
    return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

// Whether metes brings the malloc of this program. The addresses come from dlsym: in a program that is not position
// independent, `malloc` is the address of a PLT entry.
__attribute__((unused)) static int is_metes(void) {
    void *malloc_found = dlsym(RTLD_DEFAULT, "malloc");
    // A static program has no dynamic symbols, and only one malloc.
    if (!malloc_found)
        return metes_check != NULL;
    void *ours = object_of((void *)(uintptr_t)find_metes_check());
    return ours && object_of(malloc_found) == ours &&
           object_of(dlsym(RTLD_DEFAULT, "free")) == ours;
}

// Ensures that no test passes on libc's malloc by accident. METES_TEST_ANY=1 allows another allocator, for
// comparison.
__attribute__((unused)) static void served_by_metes(void) {
    CHECK(is_metes() || getenv("METES_TEST_ANY"));
}

#define check_heap() check_heap_at(__FILE__, __LINE__)

__attribute__((unused)) static void check_heap_at(const char *file, int line) {
    metes_check_fn check = find_metes_check();
    const char *broken = check ? check() : NULL;
    if (broken)
        check_failed(file, line, broken);
}

// Hides a value from the compiler. It knows malloc and free by name, and would warn about the calls under test or
// remove them.
#ifdef __cplusplus
template <typename T> static inline T opaque(T value) {
    __asm__ volatile("" : "+r"(value) : : "memory");
    return value;
}
#else
#define opaque(value)                                                                              \
    ({                                                                                             \
        __typeof__((value) + 0) opaque_ = (value);                                                 \
        __asm__ volatile("" : "+r"(opaque_) : : "memory");                                         \
        opaque_;                                                                                   \
    })
#endif

__attribute__((unused)) static int is_aligned(const void *block, size_t alignment) {
    return ((uintptr_t)block & (alignment - 1)) == 0;
}

// xorshift64: the same numbers in every run.
__attribute__((unused)) static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// The byte depends on its position, so that a check notices shifted or mixed-up contents.
__attribute__((unused)) static unsigned char pattern_at(size_t at, unsigned seed) {
    return (unsigned char)(at ^ (at >> 8) * 31 ^ (at >> 16) * 17 ^ seed * 101);
}

__attribute__((unused)) static void fill(void *block, size_t from, size_t to, unsigned seed) {
    unsigned char *bytes = (unsigned char *)block;
    for (size_t i = from; i < to; i++)
        bytes[i] = pattern_at(i, seed);
}

__attribute__((unused)) static int holds(const void *block, size_t from, size_t to,
                                         unsigned seed) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t i = from; i < to; i++)
        if (bytes[i] != pattern_at(i, seed))
            return 0;
    return 1;
}

__attribute__((unused)) static int all_bytes_are(const void *block, size_t size,
                                                 unsigned char byte) {
    const unsigned char *bytes = (const unsigned char *)block;
    // Compares the block with itself one byte on: memcmp is quick over megabytes.
    return size == 0 || (bytes[0] == byte && memcmp(bytes, bytes + 1, size - 1) == 0);
}

// The process's resident memory in bytes, without stdio.
__attribute__((unused)) static size_t resident_bytes(void) {
    char text[128] = {0};
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    char *second = strchr(text, ' ');
    CHECK(second);
    return strtoul(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
