//! What looks at every block of a compartment: the validator, and the walk over blocks in use.

use super::blocks;
use super::table::Inside;
use super::work::Entered;
use crate::process::statics::PAGE_MAP;

impl Entered {
    /// Checks all invariants.
    pub fn check(&mut self) -> Result<(), (&'static str, usize)> {
        let is_exact = self.compartment().is_exact();
        let inside = self.inside();
        inside.check()?;
        match inside.first_overflow().filter(|_| is_exact) {
            Some((block, ..)) => Err(("a byte behind a block's end was written to", block)),
            None => Ok(()),
        }
    }

    /// Calls `f` with the address and the bytes that a program may use of each block in use, in address order within a
    /// region, until it says false.
    pub fn walk(&mut self, f: &mut dyn FnMut(usize, usize) -> bool) {
        let compartment = self.compartment();
        self.inside().walk(&mut |block, usable| f(block, compartment.usable(block).unwrap_or(usable)));
    }
}

impl Inside {
    fn check(&mut self) -> Result<(), (&'static str, usize)> {
        self.small.settle(&mut self.heap);
        let heap = self.heap.check().map_err(|broken| (broken.what, broken.address));
        self.small.reload();
        heap?;
        let figures = self.heap.figures();
        let (idle, idle_blocks) = self.small.check(figures.live_blocks, |block| self.heap.size_in_use(block))?;
        if self.live() + idle != figures.live {
            return Err(("the heap's live bytes are not those in use and in quick lists", 0));
        }
        if self.blocks() + idle_blocks != figures.live_blocks {
            return Err(("the heap's live blocks are not those in use and in quick lists", 0));
        }
        Ok(())
    }

    /// Calls `f` with the address of each block in use and what its header says of its bytes, until it says false.
    pub(super) fn walk(&mut self, f: &mut dyn FnMut(usize, usize) -> bool) {
        self.small.settle(&mut self.heap);
        let mut goes_on = true;
        let (heap, small) = (&mut self.heap, &self.small);
        heap.for_each_in_use(&mut |block| {
            if goes_on
                && !small.is_rest(block)
                && let Some(region) = PAGE_MAP.get(block)
                && let Ok(usable) = blocks::in_use(region, block)
            {
                goes_on = f(block, usable);
            }
        });
        self.small.reload();
    }
}
