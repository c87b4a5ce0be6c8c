//! What is wrong with a pointer that a free list was given, or with a word in its buffer, in a report.

use super::call::Call;
use super::control::{Block, MAGIC, MAGIC_AT, SHAPE_AT, STATE_AT};
use super::index::Index;
use super::walk::each;
use super::words::{Header, Words};
use crate::base::code::Code;
use crate::base::config::HEADER;
use crate::sys::errno::set_errno;
use crate::trace::report::{self, Detail};
use core::fmt::Arguments;

/// No operation can begin: says why, once for each call. `EINVAL`.
#[cold]
#[inline(never)]
pub(super) fn unusable(words: Words, call: Call) -> Option<Index> {
    let (base, name, state) = (words.base, call.name(), words.load(STATE_AT));
    let found = |at, what: Arguments<'_>| {
        report::found(
            Code::HeapDamaged,
            base + at,
            format_args!("{name}: the free list at {base:#x}: {what}"),
            &|_| {},
        );
    };
    match Call::of_state(state) {
        _ if words.load(MAGIC_AT) != MAGIC => found(MAGIC_AT, format_args!("none is there")),
        _ if words.shape().is_none() => found(SHAPE_AT, format_args!("its control block is written over")),
        Some(other) => found(
            STATE_AT,
            format_args!(
                "{} is under way: two threads use it at once, or a process ended inside and the list has to be recovered",
                other.name()
            ),
        ),
        None => found(STATE_AT, format_args!("its control block is written over, with {state:#018x}")),
    }
    set_errno(libc::EINVAL);
    None
}

/// What is known of the list.
fn describe(index: Index, detail: &mut Detail) {
    let (base, end) = (index.words.base, index.shape().end());
    detail.line(format_args!("free list of {end} bytes at {base:#x}"));
}

fn found(index: Index, code: Code, call: Call, address: usize, what: Arguments<'_>) {
    let text = format_args!("{}({address:#x}): {what}", call.name());
    report::found(code, address, text, &|detail| describe(index, detail));
}

/// Says what is wrong with what is no block in use; aborts, unless the options say otherwise. `EINVAL`.
#[cold]
#[inline(never)]
pub(super) fn report(index: Index, call: Call, address: usize) {
    let (words, shape) = (index.words, index.shape());
    let at = address.wrapping_sub(words.base);
    if at >= shape.end() {
        found(index, Code::ForeignPointer, call, address, format_args!("not from the free list at {:#x}", words.base));
    } else if at < shape.first() {
        let what = format_args!("in the control block of the free list at {:#x}", words.base);
        found(index, Code::InteriorPointer, call, address, what);
    } else {
        report_inside(index, call, address, at);
    }
    set_errno(libc::EINVAL);
}

/// The same of an address between the first block and the fence.
fn report_inside(index: Index, call: Call, address: usize, at: Block) {
    let mut last: Option<(Block, Header)> = None;
    let walked = each(index, |block, header| {
        // A block's header is its own.
        let is_before = block - HEADER <= at;
        last = if is_before { Some((block, header)) } else { last };
        is_before
    });
    let base = index.words.base;
    let holds = |&(block, header): &(Block, Header)| at + HEADER < block + header.size();
    match (last.filter(holds), walked) {
        (Some((block, header)), _) if header.in_use() => {
            let (into, bytes, start) = (at.wrapping_sub(block).cast_signed(), header.size() - HEADER, base + block);
            let what = format_args!("{into} bytes into the block of {bytes} bytes at {start:#x}");
            found(index, Code::InteriorPointer, call, address, what);
        }
        (Some((block, header)), _) => {
            let bytes = header.size() - HEADER;
            let code = if call == Call::Free { Code::DoubleFree } else { Code::FreedPointer };
            if block == at {
                found(index, code, call, address, format_args!("this block of {bytes} bytes is free already"));
            } else {
                let what =
                    format_args!("this is free already, in the free block of {bytes} bytes at {:#x}", base + block);
                found(index, code, call, address, what);
            }
        }
        (None, Err(broken)) => match broken.before {
            Some((block, header)) => overwritten(index, block, header.size()),
            None => overwritten_first(index),
        },
        (None, Ok(())) => found(index, Code::InteriorPointer, call, address, format_args!("no block starts here")),
    }
}

/// The header behind a block is not what was left there: the block was written past its end.
#[cold]
#[inline(never)]
pub(super) fn overwritten(index: Index, block: Block, size: usize) -> ! {
    let words = index.words;
    let (start, next, bytes) = (words.base + block, words.base + block + size, size - HEADER);
    if block + size > index.shape().end() {
        words.damaged(block);
    }
    let raw = words.load(block + size - HEADER);
    let state = if words.header(block).is_ok_and(Header::in_use) { "in use" } else { "free" };
    report::misuse(
        Code::HeaderOverwritten,
        next - HEADER,
        format_args!(
            "the 8 bytes before {next:#x} in the free list at {:#x} are {raw:#018x}; the block before it, {state}, has {bytes} bytes at {start:#x}",
            words.base
        ),
    )
}

/// The same of the first block's.
fn overwritten_first(index: Index) -> ! {
    let (words, first) = (index.words, index.shape().first());
    let (base, start, raw) = (words.base, words.base + first, words.load(first - HEADER));
    report::misuse(
        Code::HeaderOverwritten,
        start - HEADER,
        format_args!("the 8 bytes before {start:#x}, the first block of the free list at {base:#x}, are {raw:#018x}"),
    )
}

/// The last word of the free block before this one is not what was left there.
#[cold]
#[inline(never)]
pub(super) fn tag_written(index: Index, block: Block) -> ! {
    let (words, at) = (index.words, block - HEADER - 8);
    let (address, raw) = (words.base + block, words.load(at));
    report::misuse(
        Code::FreeBlockWritten,
        words.base + at,
        format_args!("the free block before {address:#x}: its last 8 bytes are {raw:#018x}"),
    )
}
