//! Valgrind's requests for pools. In a pool an allocator hands out pieces of a block that comes from another allocator.

// Not each of them has a user in each build.
#![allow(unused_macros, unused_imports, dead_code)]

/// A pool is there: pieces will be given out of it. Its name is an address. Memcheck names a piece where something
/// happens up to `gap` bytes off.
macro_rules! pool_created {
    ($pool:expr) => {
        $crate::sys::mempool::pool_created!($pool, 0)
    };
    ($pool:expr, $gap:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::CREATE_MEMPOOL;
            $crate::sys::valgrind::request!(CREATE_MEMPOOL, $pool, $gap, 0);
        }
    };
}

/// Says that a pool is gone, with all its pieces.
macro_rules! pool_destroyed {
    ($pool:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::DESTROY_MEMPOOL;
            $crate::sys::valgrind::request!(DESTROY_MEMPOOL, $pool);
        }
    };
}

/// Says that a piece of a pool was handed out.
macro_rules! pool_allocated {
    ($pool:expr, $start:expr, $n:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_ALLOC;
            $crate::sys::valgrind::request!(MEMPOOL_ALLOC, $pool, $start, $n);
        }
    };
}

/// Says that a piece was freed.
macro_rules! pool_freed {
    ($pool:expr, $start:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_FREE;
            $crate::sys::valgrind::request!(MEMPOOL_FREE, $pool, $start);
        }
    };
}

/// Says that all pieces of a pool outside a range were freed.
macro_rules! pool_trimmed {
    ($pool:expr, $start:expr, $n:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_TRIM;
            $crate::sys::valgrind::request!(MEMPOOL_TRIM, $pool, $start, $n);
        }
    };
}

/// A piece has other bytes from now on, and stays where it is.
macro_rules! pool_resized {
    ($pool:expr, $start:expr, $old:expr, $new:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_CHANGE;
            use $crate::sys::valgrind;
            let (start, old, new): (usize, usize, usize) = ($start, $old, $new);
            valgrind::request!(MEMPOOL_CHANGE, $pool, start, start, new);
            if new > old {
                valgrind::forget(start + old, new - old);
            } else {
                valgrind::hide(start + new, old - new);
            }
        }
    };
}

pub(crate) use pool_allocated;
pub(crate) use pool_created;
pub(crate) use pool_destroyed;
pub(crate) use pool_freed;
pub(crate) use pool_resized;
pub(crate) use pool_trimmed;

/// As in `valgrind.h`.
pub const CREATE_MEMPOOL: usize = 0x1303;
/// As in `valgrind.h`.
pub const DESTROY_MEMPOOL: usize = 0x1304;
/// As in `valgrind.h`.
pub const MEMPOOL_ALLOC: usize = 0x1305;
/// As in `valgrind.h`.
pub const MEMPOOL_FREE: usize = 0x1306;
/// As in `valgrind.h`.
pub const MEMPOOL_TRIM: usize = 0x1307;
/// As in `valgrind.h`.
pub const MEMPOOL_CHANGE: usize = 0x1309;
