//! What a free list holds: figures, and a walk over its blocks.

use super::call::Call;
use super::control::{BLOCKS_AT, FREE_BLOCKS_AT, LIVE_AT, PEAK_AT};
use super::list::List;
use super::walk::each;
use crate::base::config::HEADER;
use crate::base::pointer;
use crate::special::quiet::Quiet;
use core::ptr::NonNull;

/// What a list holds, in bytes and blocks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Figures {
    /// The list's own bytes, control block and all.
    pub bytes: usize,
    /// Bytes in blocks in use, with a header of 8 bytes each.
    pub live: usize,
    /// Blocks in use.
    pub blocks: usize,
    /// Bytes in free blocks, with headers.
    pub free: usize,
    /// Free blocks.
    pub free_blocks: usize,
    /// The largest request that can be served.
    pub largest: usize,
    /// The most `live` has been.
    pub peak: usize,
}

impl List {
    /// What the list holds; `None` if it cannot be used.
    pub fn figures(self) -> Option<Figures> {
        let _quiet = Quiet::new();
        let index = self.open(Call::Stats)?;
        let figure = |at| usize::try_from(index.words.load(at)).unwrap_or(usize::MAX);
        let (live, end) = (figure(LIVE_AT), index.shape().end());
        Some(Figures {
            bytes: end,
            live,
            blocks: figure(BLOCKS_AT),
            free: (end - index.shape().first()).saturating_sub(live),
            free_blocks: figure(FREE_BLOCKS_AT),
            largest: index.largest().saturating_sub(HEADER),
            peak: figure(PEAK_AT),
        })
    }

    /// Calls `visit` with each block, its usable bytes and whether it is in use, in the order of addresses, until it
    /// says false. False where a header is damaged: there the walk ends.
    pub fn walk(self, mut visit: impl FnMut(NonNull<u8>, usize, bool) -> bool) -> bool {
        let Some(index) = ({
            let _quiet = Quiet::new();
            self.open(Call::Walk)
        }) else {
            return false;
        };
        let walked = each(index, |block, header| {
            let block = NonNull::new(pointer::at_mut(self.base + block));
            block.is_some_and(|block| visit(block, header.size() - HEADER, header.in_use()))
        });
        walked.is_ok()
    }
}
