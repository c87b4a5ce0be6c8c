//! What a free list is asked to do, by name and number.

use core::ffi::CStr;

/// What a list is asked to do. The number stands in the control block while it is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// `malloc`.
    Malloc = 1,
    /// `calloc`.
    Calloc,
    /// `aligned_alloc`.
    AlignedAlloc,
    /// `realloc`.
    Realloc,
    /// `free`.
    Free,
    /// `grow`.
    Grow,
    /// `recover`.
    Recover,
    /// `usable_size`.
    UsableSize,
    /// `stats`.
    Stats,
    /// `walk`.
    Walk,
}

impl Call {
    /// The function's name in C, as C has it.
    pub const fn c_name(self) -> &'static CStr {
        match self {
            Self::Malloc => c"metes_freelist_malloc",
            Self::Calloc => c"metes_freelist_calloc",
            Self::AlignedAlloc => c"metes_freelist_aligned_alloc",
            Self::Realloc => c"metes_freelist_realloc",
            Self::Free => c"metes_freelist_free",
            Self::Grow => c"metes_freelist_grow",
            Self::Recover => c"metes_freelist_recover",
            Self::UsableSize => c"metes_freelist_usable_size",
            Self::Stats => c"metes_freelist_stats",
            Self::Walk => c"metes_freelist_walk",
        }
    }

    /// The same.
    pub const fn name(self) -> &'static str {
        match self.c_name().to_str() {
            Ok(name) => name,
            Err(_) => "",
        }
    }

    /// The operation that a control block's state names.
    pub fn of_state(state: u64) -> Option<Self> {
        [Self::Malloc, Self::Calloc, Self::AlignedAlloc, Self::Realloc, Self::Free, Self::Grow, Self::Recover]
            .into_iter()
            .find(|&call| call as u64 == state)
    }
}
