//! The objects of a slab.

use super::walk::{GRAIN, Slab};

fn bit(bits: &[u64], index: usize) -> bool {
    bits.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0)
}

impl Slab {
    /// Bytes of a part for which one bit stands.
    pub fn step(&self, sizes: &[u64]) -> u64 {
        if self.class == 0 { GRAIN } else { sizes.get(self.class).copied().unwrap_or(GRAIN).max(GRAIN) }
    }

    /// How many objects, or grains in a mixed slab, are not free.
    pub fn out(&self) -> usize {
        self.count.saturating_sub(self.free_count())
    }

    fn free_count(&self) -> usize {
        let whole = self.count / 64;
        let ones = |words: &[u64]| words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let rest = self.free.get(whole).map_or(0, |word| (word & ((1 << (self.count % 64)) - 1)).count_ones() as usize);
        ones(&self.free[..whole.min(self.free.len())]) + rest
    }

    /// Whether the object, or grain, of an index is free.
    pub fn is_free(&self, index: usize) -> bool {
        bit(&self.free, index)
    }

    /// Calls `f` with the address and the bytes of each object that is not free.
    pub fn each_out(&self, sizes: &[u64], mut f: impl FnMut(u64, u64)) {
        let step = self.step(sizes);
        let mut index = 0;
        while index < self.count {
            // 64 free ones at a time.
            if index.is_multiple_of(64) && self.free.get(index / 64) == Some(&u64::MAX) {
                index += 64;
                continue;
            }
            let first = index;
            index += 1;
            if self.is_free(first) {
                continue;
            }
            if self.class == 0 {
                while index < self.count && !self.is_free(index) && !bit(&self.starts, index) {
                    index += 1;
                }
            }
            f(self.start + first as u64 * step, (index - first) as u64 * step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(slab: &Slab) -> Vec<(u64, u64)> {
        let mut all = Vec::new();
        slab.each_out(&[0, 16, 32, 48], |start, len| all.push((start, len)));
        all
    }

    #[test]
    fn what_is_not_free_is_out() {
        let free = vec![u64::MAX, !0b101];
        let slab = Slab { start: 0x1_0000, class: 3, count: 70, free, starts: Vec::new() };
        assert_eq!(objects(&slab), [(0x1_0000 + 64 * 48, 48), (0x1_0000 + 66 * 48, 48)]);
        assert_eq!((slab.out(), slab.step(&[0, 16, 32, 48])), (2, 48));
    }

    #[test]
    fn an_object_of_a_mixed_slab_ends_where_another_one_starts() {
        // Grains 0 and 1 are one object, 2 is another, 3 is free, 4 and 5 are one.
        let slab = Slab { start: 0, class: 0, count: 8, free: vec![0b1100_1000], starts: vec![0b0101_1101] };
        assert_eq!(objects(&slab), [(0, 32), (32, 16), (64, 32)]);
        assert_eq!(slab.out(), 5);
    }
}
