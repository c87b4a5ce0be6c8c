//! A guarded block as it was read from its slot, and what reports say of it.

#![allow(unsafe_code)]

use super::trailer::Facts;
use crate::base::family::Family;
use crate::base::pointer;
use crate::sys::probe;
use crate::trace::report::Detail;

/// Frames that are kept of a stack.
pub const DEPTH: usize = if cfg!(feature = "models") { 1 } else { 16 };

const CANARY: u8 = 0xc5;

/// The slot is free.
pub(super) const FREE: u64 = 0;

/// A thread is taking the slot, and what is known of it changes.
pub(super) const BUSY: u64 = 1;

/// The slot's block is in use.
pub(super) const USED: u64 = 2;

/// The slot's block is being freed. The freeing thread is not yet known.
pub(super) const FREEING: u64 = 3;

pub(super) const STATE_BITS: u32 = 2;

pub(super) const STATE_MASK: u64 = (1 << STATE_BITS) - 1;

/// Which thread did something, and from where.
#[derive(Clone, Copy)]
pub struct Trace {
    /// The thread's number.
    pub thread: u32,
    /// Zero behind the end of the stack.
    pub(super) frames: [usize; DEPTH],
}

impl Trace {
    /// The return addresses, innermost first.
    pub fn frames(&self) -> &[usize] {
        self.frames.split(|&frame| frame == 0).next().unwrap_or(&[])
    }
}

/// What is known of a slot's block, in use or freed last.
#[derive(Clone, Copy)]
pub struct GuardedBlock {
    pub(super) index: usize,
    /// The slot's state when the block was read.
    pub(super) state: u64,
    /// Its address.
    pub start: usize,
    /// The bytes asked for.
    pub size: usize,
    /// Its family, and the alignment that was asked for.
    pub(super) family: Family,
    pub(super) align: usize,
    /// The pages that were opened for it.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The allocating call.
    pub allocated: Trace,
    /// The freeing call, if there was one and it is over.
    pub freed: Option<Trace>,
}

impl GuardedBlock {
    /// Whether the block is in use.
    pub fn is_used(&self) -> bool {
        self.state & STATE_MASK == USED
    }

    /// What a trailer would say of the block.
    pub fn facts(&self) -> Facts {
        Facts::new(self.size, self.align, self.family)
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.size
    }

    /// How far an address is from the block's bytes; 0 if it is one of them.
    pub(super) fn distance(&self, address: usize) -> usize {
        if address < self.start { self.start - address } else { (address + 1).saturating_sub(self.end()) }
    }

    /// The opened pages without the block: before it and behind it.
    pub(super) fn rest(&self) -> [(usize, usize); 2] {
        [(self.from, self.start - self.from), (self.end(), self.to - self.end())]
    }

    pub(super) fn write_canaries(&self) {
        for (start, len) in self.rest() {
            // SAFETY: opened just now, and no other thread has them.
            unsafe { pointer::at_mut::<u8>(start).write_bytes(CANARY, len) };
        }
    }

    /// The same as `damage`, while another thread may be freeing the block. The kernel reads its
    /// pages, which may not be accessible any more.
    pub fn damage_meanwhile(&self) -> Option<usize> {
        let [before, behind] = self.rest();
        // As few calls as can be: each waits for threads that change mappings.
        let mut piece = [0; 4 << 10];
        [behind, before].into_iter().find_map(|(start, len)| {
            (start..start + len).step_by(piece.len()).find_map(|at| {
                let wanted = piece.len().min(start + len - at);
                let got = probe::peek(at, &mut piece[..wanted]);
                piece[..got].iter().position(|&byte| byte != CANARY).map(|index| at + index)
            })
        })
    }

    /// The first byte behind the block that was written to, or else the last one before it.
    pub(super) fn damage(&self) -> Option<usize> {
        let [before, behind] = self.rest().map(|(start, len)| {
            // SAFETY: open pages of ours, which the program should not write to any more.
            unsafe { core::slice::from_raw_parts(pointer::at::<u8>(start), len) }
        });
        // Compares 64 bytes at a time, which the compiler does not do for the search.
        let is_whole = |bytes: &[u8]| {
            let (chunks, rest) = bytes.as_chunks::<64>();
            chunks.iter().all(|chunk| *chunk == [CANARY; 64]) && rest.iter().all(|&byte| byte == CANARY)
        };
        if is_whole(before) && is_whole(behind) {
            return None;
        }
        let wrong = |byte: &u8| *byte != CANARY;
        let behind = behind.iter().position(wrong).map(|index| self.end() + index);
        behind.or_else(|| before.iter().rposition(wrong).map(|index| self.from + index))
    }
}

/// Where an address is, as seen from a block.
pub struct Offset<'a>(pub &'a GuardedBlock, pub usize);

impl core::fmt::Display for Offset<'_> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (start, size) = (self.0.start, self.0.size);
        let (count, side) = match self.1 {
            at if at < start => (start - at, "before"),
            at if at >= start + size => (at - (start + size), "behind the end of"),
            at => (at - start, "into"),
        };
        write!(out, "{count} bytes {side}")
    }
}

/// Adds what is known of a block to a report.
pub fn describe_block(detail: &mut Detail, block: &GuardedBlock) {
    let state = if block.is_used() { "in use" } else { "freed" };
    detail.line(format_args!("guarded block of {} bytes at {:#x}, {state}", block.size, block.start));
    describe_trace(detail, "allocated", &block.allocated);
    if let Some(freed) = &block.freed {
        describe_trace(detail, "freed", freed);
    }
}

fn describe_trace(detail: &mut Detail, what: &str, trace: &Trace) {
    detail.line(format_args!("{what} by thread {}:", trace.thread));
    detail.stack(trace.frames());
}
