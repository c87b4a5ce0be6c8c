//! The errors that a report can name, as stable codes. docs/errors.md explains each.

use core::fmt;

/// What was found. The report shows the number, as `M001`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// The program freed a block that is free already.
    DoubleFree = 1,
    /// The program passed a free block to a function other than free.
    FreedPointer = 2,
    /// A pointer into a block, or to a place where no block starts.
    InteriorPointer = 3,
    /// A pointer that does not come from metes.
    ForeignPointer = 4,
    /// The header before a block was overwritten.
    HeaderOverwritten = 5,
    /// A free block was written to, in the words that the heap keeps there.
    FreeBlockWritten = 6,
    /// The validators found a broken invariant.
    HeapDamaged = 7,
    /// The bytes after the end of a block were written to.
    Overflow = 8,
    /// The bytes before the start of a block were written to.
    Underflow = 9,
    /// A freed block was written to.
    WriteAfterFree = 10,
    /// A sized free gave a size that is not the block's.
    WrongSize = 11,
    /// A free gave an alignment that is not the block's.
    WrongAlignment = 12,
    /// The functions that allocated and freed a block are of different families.
    Mismatched = 13,
    /// The program read or wrote a freed block, and the access was stopped.
    UseAfterFree = 14,
    /// An access before or after a block was stopped.
    OutOfBounds = 15,
    /// The program did not free a block, and no pointer leads to it.
    Leak = 16,
    /// Memory is out, and operator new has no exception to throw.
    NothingToThrow = 17,
    /// A heap was destroyed, and the program uses it, or a block of it.
    DestroyedHeap = 18,
    /// The program gave a block to another heap than its own.
    WrongHeap = 19,
    /// A block of a stack, or a mark, that what was popped since has taken with it.
    OutOfOrder = 21,
    /// An invariant of metes' own is broken.
    Internal = 99,
}

impl Code {
    /// All codes.
    #[cfg(test)]
    pub const ALL: [Self; 21] = [
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
        Self::DestroyedHeap,
        Self::WrongHeap,
        Self::OutOfOrder,
        Self::Internal,
    ];

    /// Whether the report is about a call to one of our functions. Only such a report shows the stack of the call.
    pub const fn is_of_a_call(self) -> bool {
        !matches!(self, Self::UseAfterFree | Self::OutOfBounds | Self::Leak)
    }

    /// The name of the error.
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
            Self::DestroyedHeap => "use of a destroyed heap",
            Self::WrongHeap => "free into another heap",
            Self::OutOfOrder => "out of order",
            Self::Internal => "internal error, please report it",
        }
    }
}

impl fmt::Display for Code {
    /// The form in a report: `M001 double free`.
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
