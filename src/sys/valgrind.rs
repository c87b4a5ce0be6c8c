//! Valgrind's client requests: a sequence of instructions that does nothing on a real machine and that valgrind
//! recognises (`valgrind.h`, "magic instruction sequences").
//!
//! A tool answers only the requests it knows, which is how it is known here. Memcheck, helgrind and drd are told all alike.

#![allow(unsafe_code)]

use super::env;
use crate::base::pointer;
use crate::base::read_only::{self, Word};
use core::ffi::CStr;

/// The sequence itself: the block has the code and the arguments; what it answers, or else the default. A macro, as functions, inlined ones
/// too, would stand in the stacks that the tools keep.
#[cfg(target_arch = "x86_64")]
macro_rules! ask {
    ($block:ident, $result:ident) => {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const $block,
            inout("rdx") $result,
            inout("rdi") 0usize => _,
        )
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! ask {
    ($block:ident, $result:ident) => {
        core::arch::asm!(
            "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") &raw const $block,
            inout("x3") $result,
            inout("x12") 0usize => _,
        )
    };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
macro_rules! ask {
    ($block:ident, $result:ident) => {
        $result = core::hint::black_box((&raw const $block, $result)).1
    };
}

/// Makes a request: a code and up to five arguments; what it answers, or else 0, or the default after `or`.
macro_rules! request {
    ($code:expr $(, $arg:expr)*) => { $crate::sys::valgrind::request!(or 0; $code $(, $arg)*) };
    (or $default:expr; $code:expr $(, $arg:expr)*) => {{
        let mut block = [0usize; 6];
        block[..[$code $(, $arg)*].len()].copy_from_slice(&[$code $(, $arg)*]);
        let mut result: usize = $default;
        // SAFETY: rotations of a register by 128 bits in all, and what else changes nothing: no effect on a real machine. Under valgrind
        // the block is read, and the result receives the answer.
        unsafe { $crate::sys::valgrind::ask!(block, result) };
        result
    }};
}

// From valgrind.h, memcheck.h, helgrind.h and drd.h.
const RUNNING_ON_VALGRIND: usize = 0x1001;
pub(crate) const MALLOCLIKE_BLOCK: usize = 0x1301;
pub(crate) const FREELIKE_BLOCK: usize = 0x1302;
const RESIZEINPLACE_BLOCK: usize = 0x130b;
const PRINTF_VALIST_BY_REF: usize = 0x1403;
const PRINTF_BACKTRACE_VALIST_BY_REF: usize = 0x1404;
const CHANGE_ERR_DISABLEMENT: usize = 0x1801;
const MEMCHECK: usize = tool(*b"MC");
const MAKE_MEM_NOACCESS: usize = MEMCHECK;
const MAKE_MEM_DEFINED: usize = MEMCHECK + 2;
pub(crate) const CHECK_MEM_IS_ADDRESSABLE: usize = MEMCHECK + 4;
const HELGRIND_GET_BITS: usize = tool(*b"HG") + 256 + 46;
const DRD_GET_THREAD: usize = tool(*b"DR");
/// Helgrind's and drd's.
pub(crate) const CLEAN_MEMORY: usize = tool(*b"HG");

/// Where the requests that a tool adds to valgrind's own begin.
const fn tool(name: [u8; 2]) -> usize {
    (name[0] as usize) << 24 | (name[1] as usize) << 16
}

/// What is known of it, one bit each.
const STATE: Word = Word::new(read_only::VALGRIND, 0);
const RUNS: usize = 1;
const LISTENS: usize = 2;
const IS_MEMCHECK: usize = 4;

/// In the name of dhat's library.
const DHAT: &[u8] = b"/vgpreload_dhat-";

/// Finds out whether the process runs under valgrind. To be called first.
pub fn start() {
    if request!(RUNNING_ON_VALGRIND) == 0 {
        return;
    }
    // Dhat says of each request that it does not know that it does not. Each tool has a library of its own in front of all others.
    let mut is_dhat = false;
    env::with("LD_PRELOAD", &mut |list| is_dhat = list.windows(DHAT.len()).any(|name| name == DHAT));
    if is_dhat {
        return STATE.set(RUNS);
    }
    let unknown = usize::MAX - 1;
    let memcheck = request!(MAKE_MEM_NOACCESS, 0, 0) != 0;
    let helgrind = request!(or unknown; HELGRIND_GET_BITS, 0, 0, 0) != unknown;
    let drd = request!(DRD_GET_THREAD) != 0;
    let listens = if memcheck || helgrind || drd { LISTENS } else { 0 };
    STATE.set(RUNS | listens | if memcheck { IS_MEMCHECK } else { 0 });
}

/// Whether the process runs under valgrind.
pub fn runs() -> bool {
    STATE.get() & RUNS != 0
}

/// Whether under a tool of it that listens to what it is told of blocks: memcheck, helgrind or drd.
#[inline]
pub fn listens() -> bool {
    STATE.get() & LISTENS != 0
}

/// Whether under memcheck.
pub fn is_memcheck() -> bool {
    STATE.get() & IS_MEMCHECK != 0
}

/// From here to `loud` nothing is reported of this thread: it reads and writes what the program may not touch. It nests.
#[inline]
pub fn quiet() {
    if listens() {
        request!(CHANGE_ERR_DISABLEMENT, 1);
    }
}

/// Ends what `quiet` has begun.
#[inline]
pub fn loud() {
    if listens() {
        request!(CHANGE_ERR_DISABLEMENT, usize::MAX);
    }
}

/// Runs work of our own quietly.
#[inline]
pub fn quietly<R>(work: impl FnOnce() -> R) -> R {
    quiet();
    let result = work();
    loud();
    result
}

/// Nobody but us may touch these bytes.
pub fn hide(start: usize, len: usize) {
    request!(MAKE_MEM_NOACCESS, start, len);
}

/// A block is the program's, though nothing was told of it: a word that is there for leaks alone.
pub fn show(start: usize, len: usize) {
    request!(MAKE_MEM_DEFINED, start, len);
}

/// What was allocated by the tool's own functions counts as so many bytes from now on; it stays where it is.
pub fn shrink(start: usize, from: usize, to: usize) {
    request!(RESIZEINPLACE_BLOCK, start, from, to, 0);
}

/// A block was handed out: its `n` bytes may be used from now on, and count as written if they are zero. Whoever used them before has
/// nothing to do with it.
macro_rules! allocated {
    ($start:expr, $n:expr, $zero:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::valgrind::{CLEAN_MEMORY, MALLOCLIKE_BLOCK, request};
            request!(MALLOCLIKE_BLOCK, $start, $n, 0, usize::from($zero));
            request!(CLEAN_MEMORY, $start, $n);
        }
    };
}

/// A block is freed. Of what is none memcheck says so.
macro_rules! freed {
    ($start:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::valgrind::{FREELIKE_BLOCK, request};
            request!(FREELIKE_BLOCK, $start, 0);
        }
    };
}

/// Has memcheck say, and count, that a byte is not the program's.
macro_rules! refuse {
    ($address:expr) => {
        if $crate::sys::valgrind::listens() {
            use $crate::sys::valgrind::{CHECK_MEM_IS_ADDRESSABLE, request};
            request!(CHECK_MEM_IS_ADDRESSABLE, $address, 1);
        }
    };
}

pub(crate) use allocated;
pub(crate) use ask;
pub(crate) use freed;
pub(crate) use refuse;
pub(crate) use request;

/// A C `va_list` of one pointer, as it is when all registers for arguments are used up.
#[cfg(not(target_arch = "aarch64"))]
#[repr(C)]
struct List {
    general: u32,
    floating: u32,
    stack: *const *const core::ffi::c_char,
    saved: usize,
}

#[cfg(not(target_arch = "aarch64"))]
const fn list(stack: &*const core::ffi::c_char) -> List {
    List { general: 48, floating: 176, stack, saved: 0 }
}

#[cfg(target_arch = "aarch64")]
#[repr(C)]
struct List {
    stack: *const *const core::ffi::c_char,
    general_top: usize,
    floating_top: usize,
    general: i32,
    floating: i32,
}

#[cfg(target_arch = "aarch64")]
const fn list(stack: &*const core::ffi::c_char) -> List {
    List { stack, general_top: 0, floating_top: 0, general: 0, floating: 0 }
}

/// Says something where valgrind's own messages go, with the calling thread's stack behind it if that is wanted.
pub fn say(text: &CStr, with_stack: bool) {
    let text = text.as_ptr();
    let list = list(&text);
    let code = if with_stack { PRINTF_BACKTRACE_VALIST_BY_REF } else { PRINTF_VALIST_BY_REF };
    request!(code, pointer::expose(c"%s".as_ptr()), pointer::expose(&raw const list));
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg_attr(miri, ignore = "assembly")]
    fn a_real_machine_answers_no() {
        super::start();
        assert!(!super::runs() && !super::listens());
    }
}
