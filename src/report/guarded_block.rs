//! What is said of a guarded block.

use super::guard_pool::{self, Block, Found, Trace};
use crate::sys::report::Detail;

/// Where an address is, as seen from a block.
pub struct Offset<'a>(pub &'a Block, pub usize);

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

/// What is known of the block at or around an address of the pool.
pub fn describe(detail: &mut Detail, address: usize) {
    match guard_pool::pool().map(|pool| pool.find(address)) {
        Some(Found::Block(block) | Found::Freed(block) | Found::Near(block) | Found::NearFreed(block)) => {
            describe_block(detail, &block);
        }
        Some(Found::Nowhere) | None => detail.line(format_args!("pool of guarded blocks")),
    }
}

/// What is known of a block.
pub fn describe_block(detail: &mut Detail, block: &Block) {
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
