//! What is said of a pointer or an offset that is no block of a buddy allocator's.

use super::Wrong;
use crate::base::code::Code;
use crate::report::foreign;
use crate::trace::report;
use core::fmt::Arguments;

/// Says what is wrong with what was passed to a function; aborts, unless the options say otherwise. `start` is where
/// the offset 0 is, if it is one.
#[cold]
#[inline(never)]
pub fn refuse(function: &str, passed: usize, wrong: Wrong, start: usize) {
    let found = |code, what: Arguments<'_>| {
        report::found(code, start.wrapping_add(passed), format_args!("{function}({passed:#x}): {what}"), &|_| {});
    };
    match wrong {
        Wrong::Free => {
            let code = if function.contains("free") { Code::DoubleFree } else { Code::FreedPointer };
            found(code, format_args!("this block is free already"));
        }
        Wrong::Inside(block, bytes) => {
            let offset = start.wrapping_add(passed).wrapping_sub(block);
            let block = block.wrapping_sub(start);
            found(Code::InteriorPointer, format_args!("{offset} bytes into the block of {bytes} bytes at {block:#x}"));
        }
        Wrong::Between => found(Code::InteriorPointer, format_args!("no block can start here")),
        Wrong::Foreign if function.contains("offset") => {
            found(Code::ForeignPointer, format_args!("not in the range of this allocator"));
        }
        Wrong::Foreign => {
            let place = foreign::describe(passed);
            found(Code::ForeignPointer, format_args!("not from this allocator; it is {}", place.as_str()));
        }
    }
}
