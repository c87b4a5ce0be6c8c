//! Taking objects out of a slab, and giving them back to it.

use super::slab::{RUN, Slab};
use crate::base::arch;
use crate::base::bits;
use crate::base::checksum;
use crate::base::class::SizeClass;
use crate::base::config::GRAIN;
use crate::base::shared::AtomicUsize;
use core::slice::Iter;
use core::sync::atomic::Ordering::Relaxed;

/// Whether the objects begin with a run of near neighbours, by its first and last object.
#[inline(always)]
pub fn are_in_order(class: SizeClass, objects: &[AtomicUsize]) -> bool {
    let Some([first, .., last]) = objects.get(..RUN) else { return false };
    last.load(Relaxed).abs_diff(first.load(Relaxed)) < 2 * RUN * class.size()
}

impl Slab {
    /// Takes free objects of the slab's class, lowest addresses first, and returns how many. The lowest
    /// goes into the last place. Each bitmap word is written once.
    pub fn take(&self, class: SizeClass, places: &[AtomicUsize]) -> usize {
        let size = class.size();
        let wanted = places.len().min(self.free());
        let mut places = &places[places.len() - wanted..];
        for (index, word) in self.bits().0.iter().enumerate() {
            let mut bits = word.load(Relaxed);
            if bits == 0 {
                continue;
            }
            let first = self.start() + index * 64 * size;
            if bits == u64::MAX && places.len() >= 64 {
                let (left, ours) = places.split_at(places.len() - 64);
                ours.iter().rev().zip((first..).step_by(size)).for_each(|(place, object)| place.store(object, Relaxed));
                (places, bits) = (left, 0);
            } else {
                let (left, ours) = places.split_at(places.len().saturating_sub(bits.count_ones() as usize));
                for place in ours.iter().rev() {
                    place.store(first + bits.trailing_zeros() as usize * size, Relaxed);
                    bits &= bits - 1;
                }
                places = left;
            }
            word.store(bits, Relaxed);
            if places.is_empty() {
                break;
            }
        }
        debug_assert!(places.is_empty());
        self.set_free(self.free() - wanted);
        wanted
    }

    /// Takes a random one of the slab's free objects, of which there must be one. It comes from the first
    /// bitmap word with a free object. So objects allocated one after the other stay together on a few pages.
    pub fn take_any(&self, class: SizeClass, place: &AtomicUsize) -> usize {
        let words = self.bits().0.iter().enumerate();
        let found = words.map(|(index, word)| (index, word, word.load(Relaxed))).find(|&(.., bits)| bits != 0);
        let Some((index, word, bits)) = found else { return 0 };
        // The first set bit from a random one on, cyclically.
        let turn = (self.next_random() >> u32::BITS) as u32 % u64::BITS;
        let bit = (bits.rotate_right(turn).trailing_zeros() + turn) % u64::BITS;
        word.store(bits & !(1 << bit), Relaxed);
        place.store(self.start() + (index * 64 + bit as usize) * class.size(), Relaxed);
        self.set_free(self.free() - 1);
        1
    }

    /// A number that cannot be predicted from outside. The last one is in `origin`, which otherwise
    /// only mixed slabs use.
    fn next_random(&self) -> u64 {
        let last = self.origin.load(Relaxed) as u64 ^ checksum::secret() ^ self.address() as u64;
        let next = last.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.origin.store(next as usize, Relaxed);
        next ^ next >> 29
    }

    /// Takes the first objects back and returns how many. It stops at one that is not of the slab's
    /// class or is free already. Consecutive objects of one bitmap word are written to it at once.
    #[inline(always)]
    pub fn give(&self, class: SizeClass, objects: &mut Iter<'_, AtomicUsize>) -> usize {
        // `SizeClass::object_at` with its numbers in registers: two instructions less for each object.
        let (start, magic, limit) = (self.start(), class.magic(), class.objects());
        let index_of = |object: &AtomicUsize| {
            // This wraps: an address below the slab counts as far above it.
            let product = u128::from(magic) * object.load(Relaxed).wrapping_sub(start) as u128;
            #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
            let (index, rest) = ((product >> 64) as usize, product as u64);
            (rest < magic && index < limit).then_some(index)
        };
        let (first, mut ahead) = (objects.as_slice().as_ptr().addr(), objects.clone());
        let Some(mut index) = ahead.next().and_then(index_of) else { return 0 };
        'words: loop {
            let (at, word) = (index / 64, self.bits_of(index));
            let mut bits = word.load(Relaxed);
            loop {
                let Some(more) = bits::with(bits, index) else {
                    word.store(bits, Relaxed);
                    break 'words;
                };
                bits = more;
                *objects = ahead.clone();
                let Some(next) = ahead.next().and_then(index_of) else {
                    word.store(bits, Relaxed);
                    break 'words;
                };
                index = next;
                if index / 64 != at {
                    break;
                }
            }
            word.store(bits, Relaxed);
        }
        (objects.as_slice().as_ptr().addr() - first) / size_of::<AtomicUsize>()
    }

    /// The same, for objects many of which follow each other in one word: see `are_in_order`. It stops before a word in
    /// which one of them is free already, or comes twice.
    #[inline(always)]
    pub fn give_in_order(&self, class: SizeClass, objects: &[AtomicUsize]) -> usize {
        let mut left = objects.iter();
        while let Some(object) = left.as_slice().first() {
            let Some(index) = class.object_at(object.load(Relaxed).wrapping_sub(self.start())) else { break };
            let word = self.bits_of(index);
            // The objects of a word count as a slab of their own, whose limit alone tells them from others.
            let (from, size) = (index / 64 * 64, class.size());
            let to = (from + 63).min(class.objects() - 1);
            let (start, magic, limit) = (self.start() + from * size, class.magic(), class.limit_at((to - from) * size));
            let (before, mut given) = (left.len(), 0);
            while let Some(object) = left.as_slice().first() {
                let product = u128::from(magic) * object.load(Relaxed).wrapping_sub(start) as u128;
                #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
                let (index, rest) = ((product >> 64) as usize, product as u64);
                if rest >= limit {
                    break;
                }
                given = arch::with_bit(given, index);
                left.next();
            }
            let (bits, count) = (word.load(Relaxed), before - left.len());
            if bits & given != 0 || given.count_ones() as usize != count {
                return objects.len() - before;
            }
            word.store(bits | given, Relaxed);
        }
        objects.len() - left.len()
    }

    /// Counts objects that came back, and returns how many are free now.
    #[inline(always)]
    pub fn count_given(&self, given: usize) -> usize {
        let free = self.free() + given;
        self.set_free(free);
        self.set_changed();
        free
    }

    /// Calls `f` with each object that is handed out; in a mixed slab with none.
    pub fn for_each_out(&self, f: &mut dyn FnMut(usize)) {
        let Some(class) = self.class() else { return };
        let out = (0..class.objects()).filter(|&index| !self.is_free(index));
        out.for_each(|index| f(self.start() + index * class.size()));
    }

    /// Calls `f` with the first address and the end of each run of free objects. A run at the slab's
    /// end stops where the last grain starts.
    pub fn for_each_free_run(&self, mut f: impl FnMut(usize, usize)) {
        let (start, last) = (self.start(), self.bytes() - GRAIN);
        if self.class().is_some_and(|class| !class.has_slabs()) {
            // A parked slab.
            return f(start, start + last);
        }
        let (size, end) = self.class().map_or((GRAIN, last / GRAIN), |class| (class.size(), class.objects()));
        // The last run includes the slab's unused rest.
        let to = |index| if index == end { last } else { index * size };
        self.bits().runs(end).for_each(|run| f(start + run.start * size, start + to(run.end)));
    }

    /// The bytes of the longest run of free objects.
    pub fn longest_run(&self) -> usize {
        let mut longest = 0;
        self.for_each_free_run(|from, to| longest = longest.max(to - from));
        longest
    }

    /// How many objects are handed out, and their bytes; `None` if the count does not agree with the
    /// bitmap. For the validators.
    pub fn figures(&self) -> Option<(usize, usize)> {
        let Some(class) = self.class() else { return self.mixed_figures() };
        let (bits, out) = (self.bits(), class.objects() - self.free());
        let end = 64 * bits.0.len();
        let agree = bits.count() == self.free() && bits.next(class.objects(), true) == end;
        agree.then_some((out, out * class.size()))
    }
}
