/* metes for C++17: arenas as classes, memory resources and allocators over metes.h.
   SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef METES_HPP
#define METES_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "metes.h"

namespace metes {

/* The alignment of what is allocated without one. */
inline constexpr std::size_t arena_alignment = 16;

namespace detail {

/* The first words of an arena, which stay where they are in all versions with this soname. */
struct arena_front {
    std::uint64_t own[2];
    std::uintptr_t at, end;
};

/* What metes_arena_aligned_alloc does, without a call where the chunk has room. */
inline void *allocate(metes_arena *arena, std::size_t bytes, std::size_t alignment) noexcept {
    auto *front = reinterpret_cast<arena_front *>(arena);
    std::uintptr_t start = (front->at + (alignment - 1)) & ~(alignment - 1);
    if (bytes - 1 < front->end - start && (alignment <= arena_alignment || start < front->end)) {
        front->at = start + bytes;
        return reinterpret_cast<void *>(start);
    }
    return metes_arena_aligned_alloc(arena, alignment, bytes);
}

} // namespace detail

/* An arena: what is allocated goes when it does, or by reset. One thread at a time may use it. Without memory the
   functions throw std::bad_alloc, but for try_allocate. */
class arena {
public:
    /* With the defaults, or with options; throws std::invalid_argument if one is not valid. Memory is from metes' malloc. */
    arena() : arena(metes_arena_new(nullptr)) {}
    explicit arena(const metes_arena_options &options) : arena(metes_arena_new(&options)) {}
    /* In a buffer, which stays the caller's; it never has more memory. */
    arena(void *buffer, std::size_t bytes) : arena(metes_arena_over(buffer, bytes)) {}

    arena(arena &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    arena &operator=(arena &&other) noexcept {
        if (this != &other) {
            metes_arena_destroy(handle_);
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    arena(const arena &) = delete;
    arena &operator=(const arena &) = delete;
    ~arena() { metes_arena_destroy(handle_); }

    /* nullptr without memory. */
    void *try_allocate(std::size_t bytes, std::size_t alignment = arena_alignment) noexcept {
        return detail::allocate(handle_, bytes, alignment);
    }

    void *allocate(std::size_t bytes, std::size_t alignment = arena_alignment) {
        if (void *piece = try_allocate(bytes, alignment))
            return piece;
        throw std::bad_alloc();
    }

    /* An object, whose destructor runs when the arena lets go of it. */
    template <typename T, typename... Arguments> T *make(Arguments &&...arguments) {
        void *place = allocate(sizeof(T), alignof(T));
        T *object = ::new (place) T(std::forward<Arguments>(arguments)...);
        if constexpr (!std::is_trivially_destructible_v<T>) {
            if (metes_arena_on_reset(handle_, [](void *piece) { static_cast<T *>(piece)->~T(); }, object) != 0) {
                object->~T();
                throw std::bad_alloc();
            }
        }
        return object;
    }

    /* So many objects, each value-initialised. */
    template <typename T> T *make_array(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>, "an array of an arena is not destroyed");
        if (count > static_cast<std::size_t>(-1) / sizeof(T))
            throw std::bad_array_new_length();
        T *objects = static_cast<T *>(allocate(count * sizeof(T), alignof(T)));
        for (std::size_t index = 0; index < count; index++)
            ::new (static_cast<void *>(objects + index)) T();
        return objects;
    }

    /* A copy of text, with a zero behind it. */
    char *string(std::string_view text) {
        char *copy = static_cast<char *>(allocate(text.size() + 1, 1));
        if (!text.empty())
            std::memcpy(copy, text.data(), text.size());
        copy[text.size()] = '\0';
        return copy;
    }

    /* Takes back at its end what was allocated since its start. */
    class scope {
    public:
        explicit scope(arena &owner) : handle_(owner.handle_), mark_(metes_arena_mark(owner.handle_)) {}
        scope(const scope &) = delete;
        scope &operator=(const scope &) = delete;
        ~scope() { metes_arena_rewind(handle_, mark_); }

    private:
        metes_arena *handle_;
        struct metes_arena_mark mark_;
    };

    void reset() noexcept { metes_arena_reset(handle_); }
    std::size_t trim() noexcept { return metes_arena_trim(handle_); }
    std::size_t used() const noexcept { return metes_arena_used(handle_); }
    std::size_t held() const noexcept { return metes_arena_held(handle_); }
    bool owns(const void *address) const noexcept { return metes_arena_owns(handle_, address) != 0; }
    /* nullptr, or what invariant is broken. */
    const char *check() const noexcept { return metes_arena_check(handle_); }
    struct metes_arena_stats stats() const noexcept {
        struct metes_arena_stats now = {};
        metes_arena_stats(handle_, &now, sizeof now);
        return now;
    }
    /* For the functions of metes.h. */
    metes_arena *handle() const noexcept { return handle_; }

private:
    explicit arena(metes_arena *handle) : handle_(handle) {
        if (!handle && errno == EINVAL)
            throw std::invalid_argument("metes::arena");
        if (!handle)
            throw std::bad_alloc();
    }

    metes_arena *handle_;
};

/* The containers of std::pmr on an arena. What they give back stays until the arena lets go of it. */
class arena_resource final : public std::pmr::memory_resource {
public:
    explicit arena_resource(arena &owner) noexcept : handle_(owner.handle()) {}
    explicit arena_resource(metes_arena *handle) noexcept : handle_(handle) {}

private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        void *piece = detail::allocate(handle_, bytes, alignment);
        if (!piece)
            throw std::bad_alloc();
        return piece;
    }
    void do_deallocate(void *, std::size_t, std::size_t) override {}
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        auto *resource = dynamic_cast<const arena_resource *>(&other);
        return resource && resource->handle_ == handle_;
    }

    metes_arena *handle_;
};

/* The same for containers that take an allocator as a type. */
template <typename T> class arena_allocator {
public:
    using value_type = T;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;

    arena_allocator(arena &owner) noexcept : handle_(owner.handle()) {}
    explicit arena_allocator(metes_arena *handle) noexcept : handle_(handle) {}
    template <typename U> arena_allocator(const arena_allocator<U> &other) noexcept : handle_(other.handle()) {}

    T *allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T))
            throw std::bad_array_new_length();
        void *piece = detail::allocate(handle_, count * sizeof(T), alignof(T));
        if (!piece)
            throw std::bad_alloc();
        return static_cast<T *>(piece);
    }
    void deallocate(T *, std::size_t) noexcept {}
    metes_arena *handle() const noexcept { return handle_; }

private:
    metes_arena *handle_;
};

template <typename T, typename U>
bool operator==(const arena_allocator<T> &one, const arena_allocator<U> &other) noexcept {
    return one.handle() == other.handle();
}
template <typename T, typename U>
bool operator!=(const arena_allocator<T> &one, const arena_allocator<U> &other) noexcept {
    return !(one == other);
}

} // namespace metes

#endif
