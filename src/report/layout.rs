//! Where the words of trailers and of guarded blocks are: for a reader in another process (`front::channel`).

use super::guard_pool::{Pool, SLOTS, SlotRecord, TraceWords};
use super::guarded_block::{DEPTH, STATE_MASK, USED};
use super::trailer;
use crate::slab::vacant;
use core::mem::offset_of;

/// Trailers, which checked blocks end with: offsets of words before the block's end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct TrailerLayout {
    /// What the last word has if a caller has freed the block.
    pub freed: u64,
    /// What it has if nobody has the block.
    pub vacant: u64,
    /// The word's offset.
    pub word: u32,
    /// Bits of its content, whose lower 32 are the bytes behind those that were asked for.
    pub bits: u32,
    /// The call that allocated the block, where calls are remembered: the thread's number, above it that of the stack.
    pub allocated: u32,
    /// Nothing.
    pub reserved: u32,
}

/// The pool of guarded blocks: offsets of words in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolLayout {
    /// Bytes of its records.
    pub bytes: u32,
    /// How many slots it has.
    pub slots_all: u32,
    /// The states of slots, 64 bits each.
    pub states: u32,
    /// The bits of a state that say what the slot is.
    pub mask: u32,
    /// What these are if the slot's block is in use.
    pub used: u32,
    /// The records of slots.
    pub slots: u32,
    /// From one record to the next.
    pub slot: u32,
    /// In a record: the address of the block.
    pub start: u32,
    /// In a record: the bytes asked for.
    pub size: u32,
    /// In a record: the frames of the call that allocated the block, zero behind the last.
    pub frames: u32,
    /// How many frames there are.
    pub depth: u32,
    /// Nothing.
    pub reserved: u32,
}

/// See `TrailerLayout`.
pub const TRAILER: TrailerLayout = TrailerLayout {
    freed: trailer::FREED,
    vacant: vacant::VACANT,
    word: 8,
    bits: vacant::BITS,
    allocated: 3 * 8,
    reserved: 0,
};

/// See `PoolLayout`.
pub const POOL: PoolLayout = PoolLayout {
    bytes: size_of::<Pool>() as u32,
    slots_all: SLOTS as u32,
    states: offset_of!(Pool, states) as u32,
    mask: STATE_MASK as u32,
    used: USED as u32,
    slots: offset_of!(Pool, slots) as u32,
    slot: size_of::<SlotRecord>() as u32,
    start: offset_of!(SlotRecord, start) as u32,
    size: offset_of!(SlotRecord, size) as u32,
    frames: (offset_of!(SlotRecord, allocated) + offset_of!(TraceWords, frames)) as u32,
    depth: DEPTH as u32,
    reserved: 0,
};
