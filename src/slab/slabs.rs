//! Slabs in address order, in a tree whose nodes are the records: it soon finds the lowest slab with room.

#![allow(unsafe_code)]

use super::slab::{Slab, record};
use crate::base::tree::{NONE, Nodes, Summary, Tree};
use crate::trace::report;
use core::sync::atomic::Ordering::Relaxed;

/// A bin's slabs with room, by address. All nodes of the tree are records, as only records are put in.
pub struct Slabs(Tree);

impl Slabs {
    /// No slabs. All zero.
    pub const fn none() -> Self {
        Self(Tree::new())
    }

    /// Puts a slab in.
    pub fn insert(&mut self, slab: &'static Slab) {
        let start = slab.start();
        self.0.insert(&Records, slab.address(), |other| start < Records.at(other).start());
    }

    /// Takes out a slab that is in.
    pub fn remove(&mut self, slab: &'static Slab) {
        self.0.remove(&Records, slab.address());
    }

    /// Notes that the room of a slab that is in has changed.
    pub fn resize(&mut self, slab: &'static Slab) {
        self.0.resize(&Records, slab.address());
    }

    /// The most room that a slab here has.
    pub fn largest(&self) -> u32 {
        self.0.largest(&Records)
    }

    /// The lowest slab with so much room.
    pub fn first_fit(&self, need: u32) -> Option<&'static Slab> {
        self.0.first_fit(&Records, need).map(|node| Records.at(node))
    }

    /// The lowest slab above an address.
    pub fn first_behind(&self, address: usize) -> Option<&'static Slab> {
        let node = self.0.first_behind(&Records, |other| Records.at(other).start() > address);
        (node != NONE).then(|| Records.at(node))
    }

    /// The highest slab.
    pub fn highest(&self) -> Option<&'static Slab> {
        self.0.highest(&Records).map(|node| Records.at(node))
    }
}

/// The nodes of `Slabs`. The size of a mixed slab is its room, that of all others is 1.
struct Records;

impl Records {
    /// The record that is this node.
    #[inline]
    fn at(&self, node: usize) -> &'static Slab {
        // SAFETY: only `Slabs` calls this, with nodes of its trees: records, which link only to such nodes.
        unsafe { record(node) }
    }
}

impl Nodes for Records {
    fn size(&self, node: usize) -> u32 {
        let slab = self.at(node);
        if slab.class().is_some() { 1 } else { slab.room.load(Relaxed).into() }
    }

    fn left(&self, node: usize) -> usize {
        self.at(node).left.load(Relaxed)
    }

    fn right(&self, node: usize) -> usize {
        self.at(node).right.load(Relaxed)
    }

    fn parent(&self, node: usize) -> usize {
        self.at(node).parent.load(Relaxed)
    }

    fn summary(&self, node: usize) -> Summary {
        let word = self.at(node).summary.load(Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "as stored below")]
        Summary { largest: word as u32, height: (word >> 32) as u8 }
    }

    fn set_left(&self, node: usize, child: usize) {
        self.at(node).left.store(child, Relaxed);
    }

    fn set_right(&self, node: usize, child: usize) {
        self.at(node).right.store(child, Relaxed);
    }

    fn set_parent(&self, node: usize, parent: usize) {
        self.at(node).parent.store(parent, Relaxed);
    }

    fn set_summary(&self, node: usize, summary: Summary) {
        self.at(node).summary.store(u64::from(summary.largest) | u64::from(summary.height) << 32, Relaxed);
    }

    /// This is a bug of metes: nothing else uses the memory of records.
    #[cold]
    fn astray(&self, node: usize) -> ! {
        report::bug(format_args!("the links of the slab record at {node:#x} lead astray"))
    }
}
