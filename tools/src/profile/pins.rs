//! Which samples hold pages that are free but for them.
//!
//! The anchor of a sample stands where its block would. On its page `k` objects are in use, and the rest is free: the
//! sample holds a `k`th of that, and as much for each block that it stands for. The sum over all stacks is about the
//! free bytes of all slabs that are on pages with objects in use.

use super::Profile;
use crate::heap::walk::{GRAIN, Heap, Kind, Slab};
use std::collections::{BTreeMap, HashMap};

/// What the live samples of a stack hold.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pin {
    /// The stack's index.
    pub stack: usize,
    /// Bytes of its blocks.
    pub held: u64,
    /// Free bytes on their pages.
    pub pinned: u64,
    /// Blocks.
    pub blocks: f64,
    /// About how many pages these would be if they were alone on them.
    pub pages: u64,
}

/// The stacks that hold the most, and all free bytes on resident pages of slabs with objects in use.
pub fn pins(profile: &Profile, heap: &Heap, page: u64, is_resident: &dyn Fn(u64) -> bool) -> (Vec<Pin>, u64) {
    let slabs = slabs(heap);
    let mut pages: HashMap<u64, Use> = HashMap::new();
    let mut by_stack: HashMap<usize, Pin> = HashMap::new();
    for live in profile.live.iter().filter(|live| live.anchor != 0) {
        let Some(slab) = slab_of(&slabs, live.anchor, heap) else { continue };
        let at = live.anchor / page * page;
        let used = *pages.entry(at).or_insert_with(|| use_of(slab, size_of_class(heap, slab), at, page));
        let pin = by_stack.entry(live.stack).or_insert_with(|| Pin { stack: live.stack, ..Pin::default() });
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "estimates"
        )]
        if is_resident(at) && used.objects != 0 {
            let free = page.saturating_sub(used.bytes) as f64 / used.objects as f64;
            pin.pinned += (free * live.weight) as u64;
            pin.pages += (live.weight / used.objects as f64).round() as u64;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "estimates"
        )]
        let held = (live.size as f64 * live.weight) as u64;
        pin.held += held;
        pin.blocks += live.weight;
    }
    let mut pins: Vec<_> = by_stack.into_values().filter(|pin| pin.pinned != 0).collect();
    pins.sort_by_key(|pin| (std::cmp::Reverse(pin.pinned), pin.stack));
    let free = slabs.values().map(|slab| free_beside(slab, size_of_class(heap, slab), page, is_resident)).sum();
    (pins, free)
}

/// What is in use on a page of a slab.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
struct Use {
    objects: u64,
    bytes: u64,
}

fn slabs(heap: &Heap) -> BTreeMap<u64, &Slab> {
    let pieces = heap.regions.iter().flat_map(|region| &region.pieces);
    let slabs = pieces.filter_map(|piece| match &piece.kind {
        Kind::Slab(slab) => Some(&**slab),
        _ => None,
    });
    slabs.map(|slab| (slab.start, slab)).collect()
}

fn size_of_class(heap: &Heap, slab: &Slab) -> u64 {
    if slab.class == 0 { GRAIN } else { heap.sizes.get(slab.class).copied().unwrap_or(GRAIN) }
}

fn slab_of<'a>(slabs: &BTreeMap<u64, &'a Slab>, address: u64, heap: &Heap) -> Option<&'a Slab> {
    let (start, slab) = slabs.range(..=address).next_back()?;
    (address < start + slab.count as u64 * size_of_class(heap, slab)).then_some(slab)
}

fn is_free(slab: &Slab, index: usize) -> bool {
    slab.free.get(index / 64).is_none_or(|word| word >> (index % 64) & 1 != 0)
}

/// What is in use on the page at an address. An object that reaches over its end counts with what is on it. In a mixed
/// slab, of which only grains are known, neighbours in use count as one object.
fn use_of(slab: &Slab, size: u64, at: u64, page: u64) -> Use {
    let first = (at.saturating_sub(slab.start) / size) as usize;
    let mut used = Use::default();
    let mut was_used = false;
    for index in first..slab.count {
        let start = slab.start + index as u64 * size;
        if start >= at + page {
            break;
        }
        let is_used = !is_free(slab, index);
        if is_used {
            used.bytes += (start + size).min(at + page) - start.max(at);
            used.objects += u64::from(slab.class != 0 || !was_used);
        }
        was_used = is_used;
    }
    used
}

fn free_beside(slab: &Slab, size: u64, page: u64, is_resident: &dyn Fn(u64) -> bool) -> u64 {
    let end = slab.start + slab.count as u64 * size;
    let pages = (slab.start / page * page..end).step_by(page as usize);
    let free = pages.filter(|&at| is_resident(at)).map(|at| use_of(slab, size, at, page));
    free.filter(|used| used.objects != 0).map(|used| page.saturating_sub(used.bytes)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::walk::{Owner, Piece, Range, Region};
    use crate::profile::Live;

    /// Two pages of objects of 1,024 bytes: of the first all but two are free, of the second all but one.
    fn heap() -> Heap {
        let slab = Slab { start: 0x10000, class: 1, count: 8, free: vec![0b1110_1100], starts: Vec::new() };
        let range = Range { start: 0x10000, len: 0x2000 };
        let pieces = vec![Piece { range, kind: Kind::Slab(Box::new(slab)) }];
        let region = Region { range, owner: Owner::Arena(0), untouched_from: 0x12000, pieces };
        Heap { sizes: vec![0, 1024], regions: vec![region], ..Heap::default() }
    }

    #[test]
    fn a_sample_holds_its_share_of_what_is_free_on_its_page() {
        let live = |stack, anchor| Live { address: anchor, stack, size: 1000, weight: 10.0, anchor };
        let profile = Profile { live: vec![live(1, 0x10000), live(2, 0x11000), live(3, 0)], ..Profile::default() };
        let (pins, free) = pins(&profile, &heap(), 4096, &|_| true);
        assert_eq!(free, 2048 + 3072);
        assert_eq!(
            pins.iter().map(|pin| (pin.stack, pin.pinned, pin.held)).collect::<Vec<_>>(),
            [(2, 30720, 10000), (1, 10240, 10000)]
        );
        let (none, free) = super::pins(&profile, &heap(), 4096, &|_| false);
        assert!(none.is_empty() && free == 0);
    }
}
