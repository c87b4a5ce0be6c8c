//! What a report can say, as codes that stay: docs/errors.md explains each.

use core::fmt;

/// What was found. The number stands in the report, as `M001`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// A block was freed that is free already.
    DoubleFree = 1,
    /// A block that is free was passed to another call than free.
    FreedPointer = 2,
    /// A pointer into a block, or where no block starts.
    InteriorPointer = 3,
    /// A pointer that is not from metes.
    ForeignPointer = 4,
    /// The header before a block was written to.
    HeaderOverwritten = 5,
    /// A free block was written to, where the heap keeps words of its own.
    FreeBlockWritten = 6,
    /// The validators found a broken invariant.
    HeapDamaged = 7,
    /// The bytes behind the end of a block were written to.
    Overflow = 8,
    /// The bytes before the start of a block were written to.
    Underflow = 9,
    /// A freed block was written to.
    WriteAfterFree = 10,
    /// A size that is not the block's was given back with it.
    WrongSize = 11,
    /// An alignment that is not the block's was given back with it.
    WrongAlignment = 12,
    /// A block was freed by another family of functions than it is from.
    Mismatched = 13,
    /// A freed block was read or written; the access was stopped.
    UseAfterFree = 14,
    /// An access behind or before a block was stopped.
    OutOfBounds = 15,
    /// A block that nothing points at any more was not freed.
    Leak = 16,
    /// Memory is out and operator new has nothing to throw with.
    NothingToThrow = 17,
    /// A block of a stack, or a mark, that what was popped since has taken with it.
    OutOfOrder = 21,
    /// An invariant of metes' own is broken.
    Internal = 99,
}

impl Code {
    /// All there are.
    pub const ALL: [Self; 19] = [
        Self::DoubleFree,
        Self::FreedPointer,
        Self::InteriorPointer,
        Self::ForeignPointer,
        Self::HeaderOverwritten,
        Self::FreeBlockWritten,
        Self::HeapDamaged,
        Self::Overflow,
        Self::Underflow,
        Self::WriteAfterFree,
        Self::WrongSize,
        Self::WrongAlignment,
        Self::Mismatched,
        Self::UseAfterFree,
        Self::OutOfBounds,
        Self::Leak,
        Self::NothingToThrow,
        Self::OutOfOrder,
        Self::Internal,
    ];

    /// Whether a report is about a call of one of our functions: then its stack is told.
    pub const fn is_of_a_call(self) -> bool {
        !matches!(self, Self::UseAfterFree | Self::OutOfBounds | Self::Leak)
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DoubleFree => "double free",
            Self::FreedPointer => "freed pointer",
            Self::InteriorPointer => "interior pointer",
            Self::ForeignPointer => "foreign pointer",
            Self::HeaderOverwritten => "header overwritten",
            Self::FreeBlockWritten => "free block written to",
            Self::HeapDamaged => "heap damaged",
            Self::Overflow => "overflow",
            Self::Underflow => "underflow",
            Self::WriteAfterFree => "write after free",
            Self::WrongSize => "wrong size",
            Self::WrongAlignment => "wrong alignment",
            Self::Mismatched => "mismatched free",
            Self::UseAfterFree => "use after free",
            Self::OutOfBounds => "access out of bounds",
            Self::Leak => "leak",
            Self::NothingToThrow => "out of memory",
            Self::OutOfOrder => "out of order",
            Self::Internal => "internal error, please report it",
        }
    }
}

impl fmt::Display for Code {
    /// As it stands in a report: `M001 double free`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "M{:03} {}", *self as u32, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    #[cfg_attr(miri, ignore = "a page of text, byte by byte")]
    fn every_code_is_explained() {
        let page = include_str!("../../docs/errors.md");
        for code in Code::ALL {
            let heading = std::format!("\n## {}\n", code.to_string().split(",").next().unwrap());
            assert!(page.contains(&heading), "docs/errors.md has no{heading}");
        }
    }

    #[test]
    fn no_number_and_no_name_is_used_twice() {
        for (index, code) in Code::ALL.iter().enumerate() {
            for other in &Code::ALL[..index] {
                assert!(*other as u32 != *code as u32 && other.name() != code.name(), "{code}");
            }
        }
        assert_eq!(Code::DoubleFree.to_string(), "M001 double free");
    }
}
