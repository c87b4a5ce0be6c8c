//! Valgrind's requests for pools: memory that is given out in pieces by an allocator inside a block of another one.

/// A pool is there: pieces will be given out of it. Its name is an address. So many bytes before and behind each piece are nobody's: an access there is
/// said to be one before or behind the piece.
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

/// A pool is gone, with all its pieces.
macro_rules! pool_destroyed {
    ($pool:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::DESTROY_MEMPOOL;
            $crate::sys::valgrind::request!(DESTROY_MEMPOOL, $pool);
        }
    };
}

/// A piece was given out of a pool.
macro_rules! pool_allocated {
    ($pool:expr, $start:expr, $n:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_ALLOC;
            $crate::sys::valgrind::request!(MEMPOOL_ALLOC, $pool, $start, $n);
        }
    };
}

/// A piece came back.
macro_rules! pool_freed {
    ($pool:expr, $start:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_FREE;
            $crate::sys::valgrind::request!(MEMPOOL_FREE, $pool, $start);
        }
    };
}

/// All pieces of a pool that are not in a range have come back.
macro_rules! pool_trimmed {
    ($pool:expr, $start:expr, $n:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::mempool::MEMPOOL_TRIM;
            $crate::sys::valgrind::request!(MEMPOOL_TRIM, $pool, $start, $n);
        }
    };
}

pub(crate) use pool_allocated;
pub(crate) use pool_created;
pub(crate) use pool_destroyed;
pub(crate) use pool_freed;
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
