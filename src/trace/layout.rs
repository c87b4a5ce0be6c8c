//! Where the words of the depot are: for a reader in another process (`front::channel`).

use super::depot::{CHUNK_BYTES, CHUNKS, Depot, HEADS_BYTES};
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

/// See `DepotLayout`.
pub const DEPOT: DepotLayout = DepotLayout {
    heads: offset_of!(Depot, heads) as u32,
    heads_bytes: HEADS_BYTES as u32,
    chunks: offset_of!(Depot, chunks) as u32,
    chunks_all: CHUNKS as u32,
    chunk_bytes: CHUNK_BYTES as u32,
};
