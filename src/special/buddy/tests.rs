#![allow(unsafe_code)]

use super::options::Options;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::vec::Vec;

/// An allocator and the words of its bitmaps.
struct Made(Buddy, #[expect(dead_code, reason = "the bitmaps")] Vec<u64>);

fn buddy(start: usize, bytes: usize, options: &Options) -> Made {
    let layout = Layout::new(start, bytes, options).unwrap();
    let mut words = std::vec![0; layout.words()];
    // SAFETY: the words live as long.
    Made(unsafe { Buddy::new(words.as_mut_ptr(), layout, options.shared != 0) }, words)
}

/// What is out: bytes by address.
struct Model {
    live: BTreeMap<usize, usize>,
    range: Range<usize>,
}

impl Model {
    fn add(&mut self, address: usize, bytes: usize) {
        assert!(address.is_multiple_of(bytes), "aligned to its size");
        assert!(self.range.start <= address && address + bytes <= self.range.end, "inside");
        let before = self.live.range(..address + bytes).next_back();
        assert!(before.is_none_or(|(&start, &bytes)| start + bytes <= address), "nobody else's");
        self.live.insert(address, bytes);
    }

    /// Whether a block of so many bytes could stand somewhere: no block that is out is in it.
    fn has_room(&self, bytes: usize) -> bool {
        let first = self.range.start.next_multiple_of(bytes);
        (first..self.range.end).step_by(bytes).any(|start| {
            let end = start + bytes;
            end <= self.range.end && self.live.range(..end).next_back().is_none_or(|(&at, &bytes)| at + bytes <= start)
        })
    }
}

fn agrees(start: usize, bytes: usize, options: &Options, steps: &[(u8, u16)]) {
    let made = buddy(start, bytes, options);
    let buddy = &made.0;
    let min = buddy.layout().bytes(0);
    let max = buddy.layout().bytes(buddy.layout().top);
    let range = start.next_multiple_of(min)..(start + bytes) & !(min - 1);
    let mut model = Model { live: BTreeMap::new(), range };
    for &(step, number) in steps {
        let wanted = (usize::from(number) % (max + 1)) >> (step / 8 % 8);
        let size = wanted.max(1).next_power_of_two().max(min);
        let some =
            model.live.iter().nth(usize::from(number) % model.live.len().max(1)).map(|(&at, &bytes)| (at, bytes));
        match (step % 8, some) {
            (0..4, _) | (_, None) => match buddy.alloc(wanted) {
                Some(address) => {
                    assert_eq!(buddy.usable(address), Ok(size));
                    model.add(address, size);
                }
                None => assert!(!model.has_room(size), "{size}"),
            },
            (4..6, Some((address, bytes))) => {
                assert_eq!(buddy.free(address), Ok(bytes));
                model.live.remove(&address);
                assert!(matches!(buddy.free(address), Err(Wrong::Free)));
            }
            (6, Some((address, bytes))) => {
                model.live.remove(&address);
                let has_room = size <= max && {
                    let range = address..address + size;
                    address.is_multiple_of(size)
                        && range.end <= model.range.end
                        && model.live.range(range).next().is_none()
                };
                assert_eq!(buddy.resize(address, wanted), Ok(has_room));
                model.add(address, if has_room { size } else { bytes });
            }
            (_, Some((address, bytes))) => {
                assert_eq!(buddy.free(address + 1), Err(Wrong::Inside(address, bytes)));
                assert_eq!(buddy.free(address + bytes - min / 2), Err(Wrong::Inside(address, bytes)));
                if bytes > min {
                    assert_eq!(buddy.free(address + bytes - min), Err(Wrong::Inside(address, bytes)));
                }
                assert_eq!(buddy.free(model.range.end), Err(Wrong::Foreign));
                assert_eq!(buddy.free(model.range.start.wrapping_sub(min)), Err(Wrong::Foreign));
            }
        }
        assert_eq!(buddy.check(), Ok(()));
    }
    let stats = buddy.stats();
    assert_eq!(stats.total - stats.free, model.live.values().sum::<usize>());
    assert_eq!(stats.free, (0..).zip(stats.free_blocks).map(|(order, count)| (count * min) << order).sum::<usize>());
    model.live.keys().for_each(|&address| assert!(buddy.free(address).is_ok()));
    let empty = buddy.stats();
    buddy.reset();
    assert_eq!((buddy.stats(), buddy.check(), empty.free), (empty, Ok(()), empty.total));
}

fn steps() -> impl Strategy<Value = Vec<(u8, u16)>> {
    proptest::collection::vec((any::<u8>(), any::<u16>()), 1..if cfg!(miri) { 30 } else { 300 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 128 }))]

    #[test]
    fn agrees_with_a_map(start in 0usize..5000, bytes in 200usize..40_000, steps in steps()) {
        agrees(start + 16, bytes, &Options { min_block: 16, ..Options::default() }, &steps);
        agrees(start + (1 << 40), bytes, &Options::default(), &steps);
    }

    #[test]
    fn agrees_with_bounds_and_behind_a_lock(bytes in 4096usize..100_000, steps in steps()) {
        agrees(1 << 30, bytes, &Options { min_block: 256, max_block: 8192, shared: 1, ..Options::default() }, &steps);
    }
}

#[test]
fn the_lowest_of_an_order_is_first_and_small_blocks_are_not_cut_off_large_ones() {
    let made = buddy(0, 1 << 20, &Options::default());
    let buddy = &made.0;
    let all: Vec<_> = (0..1 << 14).map(|_| buddy.alloc(64).unwrap()).collect();
    assert!(all.iter().enumerate().all(|(index, &offset)| offset == index * 64));
    assert_eq!(buddy.alloc(1), None);
    for offset in [64 * 900, 64 * 7, 64 * 16, 64 * 17] {
        buddy.free(offset).unwrap();
    }
    // 16 and 17 are a block of 128 bytes by now.
    assert_eq!([buddy.alloc(64), buddy.alloc(64), buddy.alloc(128)], [Some(64 * 7), Some(64 * 900), Some(64 * 16)]);
    assert_eq!(buddy.check(), Ok(()));
}

#[test]
fn all_comes_together_again() {
    let made = buddy(0, 100 << 20, &Options::default());
    let buddy = &made.0;
    let mut all = Vec::new();
    let mut size = 1;
    while let Some(offset) = buddy.alloc(size) {
        all.push(offset);
        size = size % 60_000 * 7 + 13;
    }
    all.into_iter().for_each(|offset| _ = buddy.free(offset).unwrap());
    assert_eq!((buddy.stats().largest_free, buddy.stats().free), (64 << 20, 100 << 20));
    assert_eq!(buddy.alloc(64 << 20), Some(0));
    assert_eq!(buddy.alloc(64 << 20), None);
}

#[test]
#[cfg_attr(miri, ignore = "writes reports")]
fn what_is_invalid_is_refused() {
    let refused = |bytes, options: Options| Layout::new(0, bytes, &options).is_none();
    assert!(refused(4096, Options { min_block: 8, ..Options::default() }));
    assert!(refused(4096, Options { min_block: 48, ..Options::default() }));
    assert!(refused(4096, Options { max_block: 32, ..Options::default() }));
    assert!(refused(4096, Options { shared: 2, ..Options::default() }) && refused(63, Options::default()));
    assert!(!refused(64, Options::default()));
    assert!(refused(usize::MAX, Options { min_block: 16, ..Options::default() }));
}
