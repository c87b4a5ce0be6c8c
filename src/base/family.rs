//! Which functions a block is from, and which it is given back to: C++ wants these to match.

/// A pair of functions to allocate and to free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Family {
    /// malloc and its like, and free.
    Malloc = 0,
    /// operator new and delete.
    New = 1,
    /// operator new[] and delete[].
    NewArray = 2,
    /// The C++ runtime's own operator new, which may have called malloc, or a program's: all of them take it back.
    Any = 3,
}

impl Family {
    /// The family of a number; `Any` for those above.
    pub const fn of(number: u8) -> Self {
        match number {
            0 => Self::Malloc,
            1 => Self::New,
            2 => Self::NewArray,
            _ => Self::Any,
        }
    }

    /// Whether what is from the one may be given to the other.
    pub const fn matches(self, other: Self) -> bool {
        matches!(self, Self::Any) || self as u8 == other as u8
    }

    /// What allocates, in words.
    pub const fn allocates(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::New | Self::Any => "new",
            Self::NewArray => "new[]",
        }
    }

    /// What frees, in words.
    pub const fn frees(self) -> &'static str {
        match self {
            Self::Malloc => "free",
            Self::New | Self::Any => "delete",
            Self::NewArray => "delete[]",
        }
    }
}

/// What the program says of a block that it gives back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The function that was called.
    pub family: Family,
    /// The bytes that were asked for, where that was said.
    pub size: Option<usize>,
    /// The alignment that was asked for, where that was said.
    pub align: Option<usize>,
}

impl Claim {
    /// Nothing but the function.
    pub const fn of(family: Family) -> Self {
        Self { family, size: None, align: None }
    }

    /// The same with a size.
    pub const fn size(self, size: usize) -> Self {
        Self { size: Some(size), ..self }
    }

    /// The same with an alignment.
    pub const fn align(self, align: usize) -> Self {
        Self { align: Some(align), ..self }
    }
}
