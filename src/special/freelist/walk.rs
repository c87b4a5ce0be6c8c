//! The row of a list's blocks, from the first to the fence, with no trust in any word.

use super::control::Block;
use super::index::Index;
use super::words::Header;
use core::ffi::CStr;

/// Where a row is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken {
    /// What is wrong, as a sentence.
    pub what: &'static CStr,
    /// The block, or the control block's word.
    pub at: Block,
    /// The block before it and its header, if there is one.
    pub before: Option<(Block, Header)>,
}

/// Calls `visit` with each block in the order of addresses, until it says false. Ends behind the last block, or where
/// no further block can be found.
pub(super) fn each(index: Index, mut visit: impl FnMut(Block, Header) -> bool) -> Result<(), Broken> {
    let (mut at, end, mut before) = (index.shape().first(), index.shape().end(), None);
    while at < end {
        let broken = |what| Err(Broken { what, at, before });
        let Ok(header) = index.words.header(at) else { return broken(c"a header is damaged") };
        if header.size() < index.shape().min() || header.size() > end - at {
            return broken(c"a block's size leaves the buffer");
        }
        if !visit(at, header) {
            break;
        }
        before = Some((at, header));
        at += header.size();
    }
    Ok(())
}
