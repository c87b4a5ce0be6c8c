//! Blocks: the headers that a region is walked by.

use crate::heap::source::Source;

/// A header: what a block says of itself.
pub struct Header {
    /// Bytes to the next header; 0 for the fence at the end of a segment.
    pub size: u64,
    /// Whether the block is in use.
    pub in_use: bool,
}

/// The content of a checksummed word, or `None` if it is not what metes wrote at this address.
pub fn verify(source: &Source<'_>, address: u64, word: u64, bits: u32) -> Option<u64> {
    let layout = &source.channel.block;
    let low = word & ((1 << bits) - 1);
    if layout.checked == 0 {
        return Some(low);
    }
    let secret = source.secret()?;
    let place = (address ^ secret).wrapping_mul(layout.address_odd).rotate_left(bits);
    let check = (low ^ place).wrapping_mul(layout.odd) >> bits << bits;
    (word ^ low == check).then_some(low)
}

/// The header that a word at an address is; `None` if it is none.
pub fn header(source: &Source<'_>, address: u64, word: u64) -> Option<Header> {
    let layout = &source.channel.block;
    let low = verify(source, address, word, layout.bits).filter(|_| word != 0)?;
    let size = (low & u64::from(u32::MAX)) * super::GRAIN;
    Some(Header { size, in_use: low >> layout.in_use & 1 != 0 })
}

/// The largest request that the free blocks can serve of a tree whose root is at an address.
pub fn largest_below(source: &Source<'_>, root: u64) -> u64 {
    let layout = &source.channel.block;
    let at = root + u64::from(layout.summary);
    let summary = (root != 0).then(|| source.word(at)).flatten();
    let low = summary.and_then(|word| verify(source, at, word, layout.summary_bits)).unwrap_or(0);
    ((low & u64::from(u32::MAX)) * super::GRAIN).saturating_sub(8)
}
