//! Pieces of a block in use: a part of metes cuts a block that it has into smaller ones, each with a header as if the
//! heap had made it.

#![allow(unsafe_code)]

use super::block::{Block, Header};

/// Writes the header of a piece of `size` bytes.
///
/// # Safety
/// The piece lies in a block of a heap at work that the caller has, and the caller holds that heap.
#[inline]
pub unsafe fn set_header(piece: usize, size: usize, prev_in_use: bool) {
    // SAFETY: the caller's promise.
    unsafe { Block::at(piece) }.set_header(Header::new(size).with_prev_in_use(prev_in_use));
}

/// Whether the block before a piece is in use, as the piece's header says.
///
/// # Safety
/// As for `set_header`, and the piece has a header.
#[inline]
pub unsafe fn prev_in_use(piece: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { Block::at(piece) }.header().is_ok_and(Header::prev_in_use)
}
