//! What looks at every block of a compartment: the validator, and the walk over blocks in use.

use super::work::{Entered, usable};

impl Entered {
    /// Checks all invariants.
    pub fn check(&mut self) -> Result<(), (&'static str, usize)> {
        let inside = self.inside();
        inside.small.settle(&mut inside.heap);
        let heap = inside.heap.check().map_err(|broken| (broken.what, broken.address));
        inside.small.reload();
        heap?;
        inside.small.check(|block| inside.heap.size_in_use(block))?;
        let (idle, idle_blocks) = inside.small.idle();
        let figures = inside.heap.figures();
        if inside.live + idle != figures.live {
            return Err(("the heap's live bytes are not those in use and in quick lists", 0));
        }
        if inside.blocks() + idle_blocks != figures.live_blocks {
            return Err(("the heap's live blocks are not those in use and in quick lists", 0));
        }
        Ok(())
    }

    /// Calls `f` with the address and the usable bytes of each block in use, in address order within a region, until
    /// it says false.
    pub fn walk(&mut self, f: &mut dyn FnMut(usize, usize) -> bool) {
        let inside = self.inside();
        inside.small.settle(&mut inside.heap);
        let mut goes_on = true;
        inside.heap.for_each_in_use(&mut |block| {
            if goes_on
                && !inside.small.is_rest(block)
                && let Ok(usable) = usable(block)
            {
                goes_on = f(block, usable);
            }
        });
        inside.small.reload();
    }
}
