//! The family of functions that allocates a block, and the one that frees it. C++ wants them to match.

/// A pair of functions to allocate and to free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Family {
    /// malloc and similar functions, and free.
    Malloc = 0,
    /// operator new and delete.
    New = 1,
    /// operator new[] and delete[].
    NewArray = 2,
    /// The C++ runtime's own operator new, which may have called malloc, or one of the program. Every
    /// family may free it.
    Any = 3,
}

impl Family {
    /// The family with a number; `Any` for higher numbers.
    pub const fn of(number: u8) -> Self {
        match number {
            0 => Self::Malloc,
            1 => Self::New,
            2 => Self::NewArray,
            _ => Self::Any,
        }
    }

    /// Whether a function of the family `other` may free a block of this family.
    pub const fn matches(self, other: Self) -> bool {
        matches!(self, Self::Any) || self as u8 == other as u8
    }

    /// The name of the allocating function.
    pub const fn allocates(self) -> &'static str {
        match self {
            Self::Malloc => "malloc",
            Self::New | Self::Any => "new",
            Self::NewArray => "new[]",
        }
    }

    /// The name of the freeing function.
    pub const fn frees(self) -> &'static str {
        match self {
            Self::Malloc => "free",
            Self::New | Self::Any => "delete",
            Self::NewArray => "delete[]",
        }
    }
}

/// What the program claims about a block that it frees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The family of the function that was called.
    pub family: Family,
    /// The requested size in bytes, if the call gives it.
    pub size: Option<usize>,
    /// The requested alignment, if the call gives it.
    pub align: Option<usize>,
}

impl Claim {
    /// A claim with the family only.
    pub const fn of(family: Family) -> Self {
        Self { family, size: None, align: None }
    }

    /// The same claim with a size.
    pub const fn size(self, size: usize) -> Self {
        Self { size: Some(size), ..self }
    }

    /// The same claim with an alignment.
    pub const fn align(self, align: usize) -> Self {
        Self { align: Some(align), ..self }
    }
}
