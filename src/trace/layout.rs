//! Where the words of the depot are: for a reader in another process (`front::channel`).

use super::depot::{CHUNK_BYTES, CHUNKS, Depot, FRAMES_MAX, HEADER, HEADS_BYTES, Record};
use core::mem::offset_of;

/// The depot: offsets of words in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct DepotLayout {
    /// The address of the heads; 0 before the first stack.
    pub heads: u32,
    /// Bytes of the heads.
    pub heads_bytes: u32,
    /// The addresses of chunks, 0 where there is none.
    pub chunks: u32,
    /// How many there can be.
    pub chunks_all: u32,
    /// Bytes of a chunk.
    pub chunk_bytes: u32,
}

/// A record of the depot. It is in the chunk, and at the word in it, that its number says.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct StackLayout {
    /// In a record: how many frames there are.
    pub len: u32,
    /// The frames, innermost first.
    pub frames: u32,
    /// No record has more.
    pub most: u32,
    /// Nothing.
    pub reserved: u32,
}

/// See `StackLayout`.
pub const STACK: StackLayout = StackLayout {
    len: offset_of!(Record, len) as u32,
    frames: (HEADER * size_of::<usize>()) as u32,
    most: FRAMES_MAX as u32,
    reserved: 0,
};

/// See `DepotLayout`.
pub const DEPOT: DepotLayout = DepotLayout {
    heads: offset_of!(Depot, heads) as u32,
    heads_bytes: HEADS_BYTES as u32,
    chunks: offset_of!(Depot, chunks) as u32,
    chunks_all: CHUNKS as u32,
    chunk_bytes: CHUNK_BYTES as u32,
};
