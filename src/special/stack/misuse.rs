//! What is wrong with a block or a mark that a stack was given, in a report.

use super::{End, Raw, WORD};
use crate::base::code::Code;
use crate::sys::errno::set_errno;
use crate::trace::report;
use core::fmt::Arguments;

impl Raw {
    #[cold]
    pub(super) fn found(self, code: Code, name: &str, address: usize, what: Arguments<'_>) {
        let (base, figures) = (self.base(), self.figures());
        report::found(code, address, format_args!("{name}: {what}"), &|detail| {
            detail.line(format_args!("stack of {} bytes at {base:#x}", figures.bytes));
        });
        set_errno(libc::EINVAL);
    }

    /// The block of an end around an address.
    fn around(self, end: End, address: usize) -> Option<usize> {
        let control = self.control();
        let mut at = control.at(end);
        loop {
            let (start, before) = self.last(control, end, at).ok()??;
            if (at.min(before)..at.max(before)).contains(&address) {
                return Some(start);
            }
            at = before;
        }
    }

    /// What is no mark, or one of a place that is not in use.
    #[cold]
    #[inline(never)]
    pub(super) fn report_mark(self, end: End, mark: u64, is_mark: bool) {
        let name = if end == End::Low { "metes_stack_rewind" } else { "metes_stack_rewind_high" };
        if is_mark {
            let what = format_args!("what the mark {mark:#x} stands behind is popped already");
            self.found(Code::OutOfOrder, name, 0, what);
        } else {
            let what = format_args!("{mark:#x} is no mark of this end of the stack");
            self.found(Code::ForeignPointer, name, 0, what);
        }
    }

    /// No block of this end starts where one is to be popped.
    #[cold]
    #[inline(never)]
    pub(super) fn report_pop(self, end: End, block: usize) {
        let control = self.control();
        let name = if end == End::Low { "metes_stack_pop" } else { "metes_stack_pop_high" };
        let says = |code, what: Arguments<'_>| self.found(code, name, block, format_args!("{block:#x}: {what}"));
        let base = self.base();
        if control.word == 0 {
            says(Code::OutOfOrder, format_args!("the stack was made for marks alone"));
        } else if block < control.bottom || block > control.top {
            says(Code::ForeignPointer, format_args!("not from the stack at {base:#x}"));
        } else if block >= control.low && block < control.high {
            says(Code::OutOfOrder, format_args!("it is popped already"));
        } else if (end == End::Low) != (block < control.low) {
            says(Code::OutOfOrder, format_args!("it is from the other end of the stack"));
        } else if let Some(start) = self.around(end, block).filter(|&start| start < block) {
            says(Code::InteriorPointer, format_args!("{} bytes into the block at {start:#x}", block - start));
        } else {
            says(Code::InteriorPointer, format_args!("no block starts here"));
        }
    }

    /// The word of an end's last block, or of one below, is not what was left there.
    #[cold]
    #[inline(never)]
    pub(super) fn overwritten(self, end: End, at: usize, raw: u64) -> ! {
        let word = if end == End::Low { at - WORD } else { at };
        let base = self.base();
        report::misuse(
            Code::HeaderOverwritten,
            word,
            format_args!("the 8 bytes at {word:#x} in the stack at {base:#x}, next to a block, are {raw:#018x}"),
        )
    }
}
