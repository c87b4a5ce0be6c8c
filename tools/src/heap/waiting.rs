//! Freed objects and blocks that wait to be used again: in caches of threads, in lists of heaps that the program
//! has made, and in the quarantine.

use super::walk::Heap;

/// What an object or a block that was handed out is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The program has it.
    InUse,
    /// A cache has it.
    Cached,
    /// It waits in the quarantine.
    Quarantined,
}

/// Their addresses, in order.
pub struct Waiting<'a> {
    cached: Vec<u64>,
    quarantined: &'a [u64],
}

impl<'a> Waiting<'a> {
    /// Of a heap.
    pub fn of(heap: &'a Heap) -> Self {
        let objects = heap.caches.iter().flat_map(|cache| cache.objects.iter().map(|&(object, _)| object));
        let mut cached: Vec<u64> = objects.chain(heap.quick.iter().copied()).collect();
        cached.sort_unstable();
        cached.dedup();
        Self { cached, quarantined: &heap.quarantined }
    }

    /// What the object or block is whose address this is.
    pub fn state(&self, address: u64) -> State {
        if self.cached.binary_search(&address).is_ok() {
            State::Cached
        } else if self.quarantined.binary_search(&address).is_ok() {
            State::Quarantined
        } else {
            State::InUse
        }
    }

    /// The addresses of `start..end` in caches, and in the quarantine.
    pub fn between(&self, start: u64, end: u64) -> [&[u64]; 2] {
        [&self.cached, self.quarantined].map(|all| {
            let from = all.partition_point(|&address| address < start);
            &all[from..from + all[from..].partition_point(|&address| address < end)]
        })
    }
}
