//! The memory that holds records of metes. A search for pointers in the program's memory must leave it out.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The most ranges that can be noted. A heap of many gigabytes has fewer.
pub const MOST: usize = 1024;

/// The first address of each range, 0 where there is none, and the address after its last.
pub static RANGES: [[AtomicUsize; 2]; MOST] = [const { [const { AtomicUsize::new(0) }; 2] }; MOST];
static OVERFLOWN: AtomicBool = AtomicBool::new(false);

/// Notes a range.
pub fn add(start: usize, len: usize) {
    let free = RANGES.iter().find(|[slot, _]| slot.compare_exchange(0, start, Relaxed, Relaxed).is_ok());
    match free {
        Some([_, end]) => end.store(start + len, Relaxed),
        None => OVERFLOWN.store(true, Relaxed),
    }
}

/// Forgets a range.
pub fn remove(start: usize) {
    if let Some([slot, end]) = RANGES.iter().find(|[slot, _]| slot.load(Relaxed) == start) {
        end.store(0, Relaxed);
        slot.store(0, Relaxed);
    }
}

/// The range that contains an address.
pub fn around(address: usize) -> Option<Range<usize>> {
    RANGES.iter().map(|[start, end]| start.load(Relaxed)..end.load(Relaxed)).find(|range| range.contains(&address))
}

/// Whether all ranges could be noted.
pub fn is_complete() -> bool {
    !OVERFLOWN.load(Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_known_until_it_is_forgotten() {
        add(0x1000, 0x2000);
        assert_eq!(around(0x2fff), Some(0x1000..0x3000));
        assert!(around(0x3000).is_none() && is_complete());
        remove(0x1000);
        assert!(around(0x1000).is_none());
    }
}
