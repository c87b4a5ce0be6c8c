//! The entry points grouped by what they do, for call counts and for the name of the call in a report.

/// What a program asks for.
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
    /// All forms of free, operator delete.
    Free,
    /// The allocation and the release inside a realloc that moves a block.
    Move,
    /// `malloc_usable_size`.
    UsableSize,
    /// A call that does not allocate: checks, statistics, trimming.
    Other,
}

impl Operation {
    /// The number of operations.
    pub const COUNT: usize = 8;

    /// The name in reports.
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
