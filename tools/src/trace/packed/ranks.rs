//! Which of a chunk's blocks are live, counted from the newest: a Fenwick tree over them, in the order of their
//! allocation.

/// A set of small numbers that knows how many of them are above another.
#[derive(Default)]
pub struct Ranks {
    /// Node `i`, from 1 on, has the sum over as many numbers as its lowest bit says, of which `i - 1` is the last.
    sums: Vec<u32>,
    total: u32,
}

impl Ranks {
    /// Adds the next number to the set: 0, 1, 2 and so on.
    pub fn push(&mut self) {
        let node = self.sums.len() + 1;
        let (mut sum, mut below) = (1, node - 1);
        let end = node - lowest(node);
        while below > end {
            sum += self.sums[below - 1];
            below -= lowest(below);
        }
        self.sums.push(sum);
        self.total += 1;
    }

    /// Takes a number, which is in the set, out of it.
    pub fn remove(&mut self, number: usize) {
        let mut node = number + 1;
        while node <= self.sums.len() {
            self.sums[node - 1] -= 1;
            node += lowest(node);
        }
        self.total -= 1;
    }

    /// How many are above one that is in the set.
    pub fn above(&self, number: usize) -> u32 {
        let (mut node, mut sum) = (number + 1, 0);
        while node > 0 {
            sum += self.sums[node - 1];
            node -= lowest(node);
        }
        self.total - sum
    }

    /// The number that has so many above it.
    pub fn with_above(&self, above: u32) -> Option<usize> {
        let mut wanted = self.total.checked_sub(above).filter(|&wanted| wanted > 0)?;
        let (mut node, mut step) = (0, self.sums.len().checked_ilog2().map_or(0, |log| 1 << log));
        while step > 0 {
            if node + step <= self.sums.len() && self.sums[node + step - 1] < wanted {
                node += step;
                wanted -= self.sums[node - 1];
            }
            step /= 2;
        }
        Some(node)
    }
}

fn lowest(node: usize) -> usize {
    node & node.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_as_a_list_does() {
        let (mut ranks, mut list) = (Ranks::default(), Vec::new());
        let mut state = 1u64;
        for number in 0..1000 {
            ranks.push();
            list.push(number);
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if state >> 62 != 0 {
                let at = (state >> 32) as usize % list.len();
                assert_eq!(ranks.above(list[at]) as usize, list.len() - 1 - at);
                assert_eq!(ranks.with_above((list.len() - 1 - at) as u32), Some(list[at]));
                ranks.remove(list.remove(at));
            }
            assert_eq!(ranks.with_above(list.len() as u32), None);
        }
        assert_eq!(Ranks::default().with_above(0), None);
    }
}
