//! The last values of a figure.

use std::collections::VecDeque;

/// How many are kept.
const KEPT: usize = 512;

/// Values, the oldest first.
#[derive(Default)]
pub struct History(VecDeque<u64>);

impl History {
    /// Adds the newest.
    pub fn push(&mut self, value: u64) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// The last ones, as many as there is room for, as heights from 1 to 8: the lowest and the highest of all that are
    /// kept are the ends.
    pub fn bars(&self, room: usize) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let skipped = self.0.len().saturating_sub(room);
        let shown = || self.0.iter().skip(skipped).copied();
        let (low, high) = (shown().min().unwrap_or(0), shown().max().unwrap_or(0));
        // A change of less than one part in a hundred is no change.
        let span = (high - low).max(high / 100).max(1);
        shown().map(|value| BARS[((value - low) * 7 / span) as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_between_the_lowest_and_the_highest() {
        let mut history = History::default();
        assert_eq!(history.bars(10), "");
        [1000, 1001, 1000].into_iter().for_each(|value| history.push(value));
        assert_eq!(history.bars(10), "▁▁▁");
        [8000, 4500].into_iter().for_each(|value| history.push(value));
        assert_eq!(history.bars(10), "▁▁▁█▄");
        assert_eq!(history.bars(2), "█▁");
        (0..2 * KEPT as u64).for_each(|value| history.push(value));
        assert_eq!(history.bars(usize::MAX).chars().count(), KEPT);
    }
}
