//! Where the words of the quarantine are: for a reader in another process (`front::channel`).

use super::quarantine::{QUEUED, Queue, Ready, SHUFFLED, Shard, Waiting};
use core::mem::offset_of;

/// Shards and their queues: offsets of words in them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct QuarantineLayout {
    /// From one shard to the next.
    pub shard: u32,
    /// In a shard: the address of its queue; 0 before the first block.
    pub queue: u32,
    /// In a shard: counters of 64 bits, by operation.
    pub calls: u32,
    /// Bytes of a queue.
    pub bytes: u32,
    /// In a queue: the places of blocks, each an address and the address behind the last byte; 0 for none.
    pub shuffled: u32,
    /// How many there are.
    pub shuffled_all: u32,
    /// The same, of other places.
    pub queued: u32,
    /// How many there are.
    pub queued_all: u32,
    /// In a queue: what is ready of the first class.
    pub ready: u32,
    /// From one class to the next.
    pub ready_step: u32,
    /// In what is ready of a class: how many objects are.
    pub ready_count: u32,
    /// Their addresses.
    pub ready_objects: u32,
}

/// See `QuarantineLayout`.
pub const QUARANTINE: QuarantineLayout = QuarantineLayout {
    shard: size_of::<Shard>() as u32,
    queue: offset_of!(Shard, queue) as u32,
    calls: offset_of!(Shard, calls) as u32,
    bytes: size_of::<Queue>() as u32,
    shuffled: offset_of!(Queue, shuffled) as u32,
    shuffled_all: SHUFFLED as u32,
    queued: offset_of!(Queue, queued) as u32,
    queued_all: QUEUED as u32,
    ready: offset_of!(Queue, ready) as u32,
    ready_step: size_of::<Ready>() as u32,
    ready_count: offset_of!(Ready, count) as u32,
    ready_objects: offset_of!(Ready, objects) as u32,
};

const _: () = assert!(offset_of!(Waiting, end) == size_of::<usize>() && size_of::<Waiting>() == 2 * size_of::<usize>());
