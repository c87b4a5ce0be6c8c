//! Which blocks can be reached, as a conservative garbage collector finds it: each word is taken for a pointer, to a
//! block's start or into it.

use super::blocks::Blocks;
use super::found::Reach;
use super::image::Image;

/// What is known of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing leads to it so far.
    Lost,
    /// A leak leads to it.
    Inside,
    /// The program can reach it.
    Reachable,
}

/// A search of an image.
pub struct Search<'a> {
    image: &'a Image,
    blocks: &'a Blocks,
    states: Vec<State>,
    /// Indices of blocks that are still to be searched.
    waiting: Vec<u32>,
}

impl<'a> Search<'a> {
    /// Nothing has been searched yet.
    pub fn new(image: &'a Image, blocks: &'a Blocks) -> Self {
        Self { image, blocks, states: vec![State::Lost; blocks.all().len()], waiting: Vec::new() }
    }

    /// Takes words for pointers of the program: registers.
    pub fn words(&mut self, words: &[u64]) {
        words.iter().for_each(|&word| self.note(word, State::Reachable));
        self.follow(State::Reachable);
    }

    /// Searches a range of the program's memory.
    pub fn range(&mut self, start: u64, end: u64) {
        self.look(start, end, State::Reachable);
        self.follow(State::Reachable);
    }

    /// The leaks: indices of blocks, by address.
    pub fn leaks(mut self) -> Vec<(usize, Reach)> {
        for index in 0..self.states.len() {
            if self.states[index] == State::Lost {
                let block = self.blocks.all()[index];
                self.look(block.start, block.start + block.size, State::Inside);
                self.follow(State::Inside);
                // A block that leads to itself is lost all the same.
                self.states[index] = State::Lost;
            }
        }
        let leaks = self.states.iter().enumerate().filter_map(|(index, state)| match state {
            State::Lost => Some((index, Reach::Direct)),
            State::Inside => Some((index, Reach::Indirect)),
            State::Reachable => None,
        });
        leaks.collect()
    }

    fn note(&mut self, word: u64, state: State) {
        if let Some(index) = self.blocks.find(word)
            && self.states[index] == State::Lost
        {
            self.states[index] = state;
            #[expect(clippy::cast_possible_truncation, reason = "there are no more blocks")]
            self.waiting.push(index as u32);
        }
    }

    fn look(&mut self, start: u64, end: u64, state: State) {
        let (first, last) = self.blocks.range();
        let image = self.image;
        image.words(start, end, |word| {
            if (first..last).contains(&word) {
                self.note(word, state);
            }
        });
    }

    fn follow(&mut self, state: State) {
        while let Some(next) = self.waiting.pop() {
            let block = self.blocks.all()[next as usize];
            self.look(block.start, block.start + block.size, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::Block;
    use super::*;

    /// Blocks of 32 bytes at 0x1000, 0x1020 ..., with these words at their starts.
    fn leaks(words: &[u64], roots: &[u64]) -> Vec<(usize, Reach)> {
        let all: Vec<u64> = words.iter().flat_map(|&word| [word, 0, 0, 0]).collect();
        let image = Image::made_up(&[(0x1000, &all), (0x9000, roots)]);
        let block = |index: usize| Block { start: 0x1000 + 32 * index as u64, size: 32 };
        let blocks = Blocks::of((0..words.len()).map(block).collect());
        let mut search = Search::new(&image, &blocks);
        search.range(0x9000, 0xa000);
        search.leaks()
    }

    #[test]
    fn what_roots_lead_to_is_reached() {
        use Reach::{Direct, Indirect};
        assert_eq!(leaks(&[0x1020, 0, 0], &[0x1008]), [(2, Direct)]);
        assert_eq!(leaks(&[0x1020, 0x1040, 0], &[]), [(0, Direct), (1, Indirect), (2, Indirect)]);
        // The one that leads to others may come last.
        assert_eq!(leaks(&[0, 0x1000, 0x103f], &[]), [(0, Indirect), (1, Indirect), (2, Direct)]);
    }

    #[test]
    fn a_ring_that_nothing_leads_to_is_a_leak() {
        use Reach::{Direct, Indirect};
        assert_eq!(leaks(&[0x1020, 0x1000, 0x1040], &[]), [(0, Direct), (1, Indirect), (2, Direct)]);
        assert_eq!(leaks(&[0x1020, 0x1000, 0x1040], &[0x1000, 0x1040]), []);
    }

    #[test]
    fn words_are_roots_too() {
        let image = Image::made_up(&[(0x1000, &[0, 0, 0, 0])]);
        let blocks = Blocks::of(vec![Block { start: 0x1000, size: 32 }]);
        let mut search = Search::new(&image, &blocks);
        search.words(&[7, 0x101f]);
        assert_eq!(search.leaks(), []);
    }
}
