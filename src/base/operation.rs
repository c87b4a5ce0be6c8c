//! The entry points by what they do: for counting calls, and for naming the caller in a report.

/// What a program asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// malloc, operator new.
    Malloc,
    /// calloc.
    Calloc,
    /// realloc, reallocarray.
    Realloc,
    /// `aligned_alloc`, `posix_memalign`, memalign, valloc, pvalloc, aligned operator new.
    Aligned,
    /// free and all forms of it, operator delete.
    Free,
    /// The allocation and the release inside a realloc that moves a block.
    Move,
    /// `malloc_usable_size`.
    UsableSize,
    /// Anything that is not an allocation: checks, statistics, trimming.
    Other,
}

impl Operation {
    /// How many there are.
    pub const COUNT: usize = 8;

    /// The name for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::Calloc => "calloc",
            Self::Realloc | Self::Move => "realloc",
            Self::Aligned => "aligned_alloc",
            Self::Free => "free",
            Self::UsableSize => "malloc_usable_size",
            Self::Other => "metes",
        }
    }
}
