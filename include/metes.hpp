/* metes for C++17: arenas, heaps and pools as classes, memory resources and allocators over metes.h.
   SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef METES_HPP
#define METES_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "metes.h"

namespace metes {

/* The alignment of what is allocated without one. */
inline constexpr std::size_t default_alignment = 16;

class arena;
class heap;

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
    if (bytes - 1 < front->end - start && (alignment <= default_alignment || start < front->end)) {
        front->at = start + bytes;
        return reinterpret_cast<void *>(start);
    }
    return metes_arena_aligned_alloc(arena, alignment, bytes);
}

inline void *not_null(void *block) {
    if (!block)
        throw std::bad_alloc();
    return block;
}

/* What a constructor of metes.h has returned. */
template <typename Handle> Handle *made(Handle *handle, const char *name) {
    if (!handle && errno == EINVAL)
        throw std::invalid_argument(name);
    if (!handle)
        throw std::bad_alloc();
    return handle;
}

/* Ends what a handle is of. */
template <typename Handle, void (*destroy)(Handle *)> struct destroyer {
    void operator()(Handle *handle) const noexcept { destroy(handle); }
};
template <typename Handle, void (*destroy)(Handle *)> using owned = std::unique_ptr<Handle, destroyer<Handle, destroy>>;

/* What resources and allocators serve from. */
struct arena_source {
    using owner = arena;
    using pointer = metes_arena *;
    pointer handle;

    void *allocate(std::size_t bytes, std::size_t alignment) const noexcept {
        return detail::allocate(handle, bytes, alignment);
    }
    void deallocate(void *) const noexcept {}
};

struct heap_source {
    using owner = heap;
    using pointer = metes_heap *;
    pointer handle;

    void *allocate(std::size_t bytes, std::size_t alignment) const noexcept {
        return alignment <= default_alignment ? metes_heap_malloc(handle, bytes)
                                              : metes_heap_aligned_alloc(handle, alignment, bytes);
    }
    void deallocate(void *block) const noexcept { metes_heap_free(handle, block); }
};

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

    /* nullptr without memory. */
    void *try_allocate(std::size_t bytes, std::size_t alignment = default_alignment) noexcept {
        return detail::allocate(handle_.get(), bytes, alignment);
    }

    void *allocate(std::size_t bytes, std::size_t alignment = default_alignment) {
        return detail::not_null(try_allocate(bytes, alignment));
    }

    /* An object, whose destructor runs when the arena lets go of it. */
    template <typename T, typename... Arguments> T *make(Arguments &&...arguments) {
        void *place = allocate(sizeof(T), alignof(T));
        T *object = ::new (place) T(std::forward<Arguments>(arguments)...);
        if constexpr (!std::is_trivially_destructible_v<T>) {
            if (metes_arena_on_reset(handle_.get(), [](void *piece) { static_cast<T *>(piece)->~T(); }, object) != 0) {
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
        explicit scope(arena &owner) : handle_(owner.handle()), mark_(metes_arena_mark(owner.handle())) {}
        scope(const scope &) = delete;
        scope &operator=(const scope &) = delete;
        ~scope() { metes_arena_rewind(handle_, mark_); }

    private:
        metes_arena *handle_;
        struct metes_arena_mark mark_;
    };

    void reset() noexcept { metes_arena_reset(handle_.get()); }
    std::size_t trim() noexcept { return metes_arena_trim(handle_.get()); }
    std::size_t used() const noexcept { return metes_arena_used(handle_.get()); }
    std::size_t held() const noexcept { return metes_arena_held(handle_.get()); }
    bool owns(const void *address) const noexcept { return metes_arena_owns(handle_.get(), address) != 0; }
    /* nullptr, or what invariant is broken. */
    const char *check() const noexcept { return metes_arena_check(handle_.get()); }
    struct metes_arena_stats stats() const noexcept {
        struct metes_arena_stats now = {};
        metes_arena_stats(handle_.get(), &now, sizeof now);
        return now;
    }
    /* For the functions of metes.h. */
    metes_arena *handle() const noexcept { return handle_.get(); }

private:
    explicit arena(metes_arena *handle) : handle_(detail::made(handle, "metes::arena")) {}

    detail::owned<metes_arena, metes_arena_destroy> handle_;
};

/* A heap of its own: what is allocated goes when it does, or by deallocate, or by plain free. Any thread may use it, unless
   the options say otherwise. */
class heap {
public:
    /* With the defaults, or with options; throws std::invalid_argument if one is not valid. */
    heap() : heap(metes_heap_new(nullptr)) {}
    explicit heap(const metes_heap_options &options) : heap(metes_heap_new(&options)) {}
    explicit heap(const char *name, std::size_t limit = 0) : heap(named(name, limit)) {}

    /* nullptr without memory, or where the limit would be passed. */
    void *try_allocate(std::size_t bytes, std::size_t alignment = default_alignment) noexcept {
        return detail::heap_source{handle_.get()}.allocate(bytes, alignment);
    }

    void *allocate(std::size_t bytes, std::size_t alignment = default_alignment) {
        return detail::not_null(try_allocate(bytes, alignment));
    }

    void deallocate(void *block) noexcept { metes_heap_free(handle_.get(), block); }

    /* What the thread allocates with malloc and new while a scope lives comes from the heap, where that can be. */
    class scope {
    public:
        explicit scope(heap &owner) noexcept : handle_(owner.handle()), entered_(metes_heap_enter(owner.handle()) == 0) {}
        scope(const scope &) = delete;
        scope &operator=(const scope &) = delete;
        ~scope() {
            if (entered_)
                metes_heap_leave(handle_);
        }
        bool entered() const noexcept { return entered_; }

    private:
        metes_heap *handle_;
        bool entered_;
    };

    void reset() noexcept { metes_heap_reset(handle_.get()); }
    std::size_t purge() noexcept { return metes_heap_purge(handle_.get()); }
    bool owns(const void *address) const noexcept { return metes_heap_owns(handle_.get(), address) != 0; }
    /* nullptr, or what invariant is broken. */
    const char *check() const noexcept { return metes_heap_check(handle_.get()); }
    struct metes_heap_stats stats() const noexcept {
        struct metes_heap_stats now = {};
        metes_heap_stats(handle_.get(), &now, sizeof now);
        return now;
    }
    /* For the functions of metes.h. */
    metes_heap *handle() const noexcept { return handle_.get(); }

private:
    explicit heap(metes_heap *handle) : handle_(detail::made(handle, "metes::heap")) {}

    static metes_heap *named(const char *name, std::size_t limit) noexcept {
        metes_heap_options options = {};
        options.size = sizeof options;
        options.name = name;
        options.limit = limit;
        return metes_heap_new(&options);
    }

    detail::owned<metes_heap, metes_heap_destroy> handle_;
};

/* Objects of one size. One thread at a time may use it, unless the options say otherwise. */
class pool {
public:
    explicit pool(std::size_t object_bytes) : handle_(detail::made(metes_pool_new(object_bytes, nullptr), "metes::pool")) {}
    pool(std::size_t object_bytes, const metes_pool_options &options)
        : handle_(detail::made(metes_pool_new(object_bytes, &options), "metes::pool")) {}

    /* nullptr without memory, or at the limit. */
    void *try_allocate() noexcept { return metes_pool_alloc(handle_.get()); }
    void *allocate() { return detail::not_null(try_allocate()); }
    void deallocate(void *object) noexcept { metes_pool_free(handle_.get(), object); }

    bool owns(const void *address) const noexcept { return metes_pool_owns(handle_.get(), address) != 0; }
    /* nullptr, or what invariant is broken. */
    const char *check() const noexcept { return metes_pool_check(handle_.get()); }
    struct metes_pool_stats stats() const noexcept {
        struct metes_pool_stats now = {};
        metes_pool_stats(handle_.get(), &now, sizeof now);
        return now;
    }
    /* For the functions of metes.h. */
    metes_pool *handle() const noexcept { return handle_.get(); }

private:
    detail::owned<metes_pool, metes_pool_destroy> handle_;
};

/* A memory resource of std::pmr. What it serves from has to live longer. */
template <typename Source> class resource final : public std::pmr::memory_resource {
public:
    explicit resource(typename Source::owner &owner) noexcept : source_{owner.handle()} {}
    explicit resource(typename Source::pointer handle) noexcept : source_{handle} {}

private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        return detail::not_null(source_.allocate(bytes, alignment));
    }
    void do_deallocate(void *block, std::size_t, std::size_t) override { source_.deallocate(block); }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        auto *same = dynamic_cast<const resource *>(&other);
        return same && same->source_.handle == source_.handle;
    }

    Source source_;
};

/* The same for containers that take an allocator as a type. */
template <typename T, typename Source> class allocator {
public:
    using value_type = T;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    template <typename U> struct rebind {
        using other = allocator<U, Source>;
    };

    allocator(typename Source::owner &owner) noexcept : source_{owner.handle()} {}
    explicit allocator(typename Source::pointer handle) noexcept : source_{handle} {}
    template <typename U> allocator(const allocator<U, Source> &other) noexcept : source_{other.handle()} {}

    T *allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T))
            throw std::bad_array_new_length();
        return static_cast<T *>(detail::not_null(source_.allocate(count * sizeof(T), alignof(T))));
    }
    void deallocate(T *block, std::size_t) noexcept { source_.deallocate(block); }
    typename Source::pointer handle() const noexcept { return source_.handle; }

private:
    Source source_;
};

template <typename T, typename U, typename Source>
bool operator==(const allocator<T, Source> &one, const allocator<U, Source> &other) noexcept {
    return one.handle() == other.handle();
}
template <typename T, typename U, typename Source>
bool operator!=(const allocator<T, Source> &one, const allocator<U, Source> &other) noexcept {
    return !(one == other);
}

/* On an arena: what containers give back stays until the arena lets go of it. */
using arena_resource = resource<detail::arena_source>;
template <typename T> using arena_allocator = allocator<T, detail::arena_source>;

/* On a heap. */
using heap_resource = resource<detail::heap_source>;
template <typename T> using heap_allocator = allocator<T, detail::heap_source>;

/* On a pool: it serves what fits an object, and the other resource serves the rest. For containers of nodes. */
class pool_resource final : public std::pmr::memory_resource {
public:
    explicit pool_resource(pool &owner, std::pmr::memory_resource *other = std::pmr::get_default_resource())
        : handle_(owner.handle()), other_(other), bytes_(owner.stats().object_bytes), align_(owner.stats().align) {}

private:
    bool fits(std::size_t bytes, std::size_t alignment) const noexcept { return bytes <= bytes_ && alignment <= align_; }
    void *do_allocate(std::size_t bytes, std::size_t alignment) override {
        return fits(bytes, alignment) ? detail::not_null(metes_pool_alloc(handle_)) : other_->allocate(bytes, alignment);
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t alignment) override {
        if (fits(bytes, alignment))
            metes_pool_free(handle_, block);
        else
            other_->deallocate(block, bytes, alignment);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        auto *same = dynamic_cast<const pool_resource *>(&other);
        return same && same->handle_ == handle_ && same->other_->is_equal(*other_);
    }

    metes_pool *handle_;
    std::pmr::memory_resource *other_;
    std::size_t bytes_, align_;
};

} // namespace metes

#endif
