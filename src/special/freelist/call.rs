//! What a free list is asked to do, by name and number.

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
    /// The function's name in C.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malloc => "metes_freelist_malloc",
            Self::Calloc => "metes_freelist_calloc",
            Self::AlignedAlloc => "metes_freelist_aligned_alloc",
            Self::Realloc => "metes_freelist_realloc",
            Self::Free => "metes_freelist_free",
            Self::Grow => "metes_freelist_grow",
            Self::Recover => "metes_freelist_recover",
            Self::UsableSize => "metes_freelist_usable_size",
            Self::Stats => "metes_freelist_stats",
            Self::Walk => "metes_freelist_walk",
        }
    }

    /// The operation that a control block's state names.
    pub fn of_state(state: u64) -> Option<Self> {
        [Self::Malloc, Self::Calloc, Self::AlignedAlloc, Self::Realloc, Self::Free, Self::Grow, Self::Recover]
            .into_iter()
            .find(|&call| call as u64 == state)
    }
}
