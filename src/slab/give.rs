//! Objects that come back to the bins.

use super::bins::Bins;
use super::misuse::{ObjectMisuse, interior};
use super::objects::are_in_order;
use super::slab::{Entry, Slab, home_place};
use crate::base::class::SizeClass;
use crate::base::shared::AtomicUsize;
use crate::heap::heap::Heap;
use crate::sys::pages::PageSource;
use core::slice::Iter;
use core::sync::atomic::Ordering::Relaxed;

impl Bins {
    /// Takes the object at `address` back. It is looked up in the page map again, under the lock: the
    /// slab may have become a mixed one since the caller looked.
    pub fn give<S: PageSource>(&mut self, heap: &mut Heap<S>, address: usize) -> Result<(), ObjectMisuse> {
        let entry = heap.page_map().slab_entry(address).filter(|entry| entry.arena() == heap.arena());
        let entry = entry.ok_or(ObjectMisuse::Freed(0))?;
        let class = self.put_back_any(heap, entry, address)?;
        self.count_given(class, 1);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn put_back_any<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        entry: Entry,
        address: usize,
    ) -> Result<SizeClass, ObjectMisuse> {
        let Some(class) = entry.class() else { return self.put_back_mixed(heap, entry, address) };
        match self.put_back(heap, class, entry.slab(), &mut [AtomicUsize::new(address)].iter()) {
            0 if entry.object_of(class, address).is_none() => Err(interior(entry, address)),
            0 => Err(ObjectMisuse::Freed(class.size())),
            _ => Ok(class),
        }
    }

    /// Takes objects of a class back. Calls `report` with each that is wrong.
    pub fn give_all<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        objects: &[AtomicUsize],
        report: impl Fn(usize, ObjectMisuse),
    ) {
        let mut units = heap.page_map().units();
        let place = home_place(heap.arena()) | class.bin();
        let (mut left, mut count) = (objects.iter(), objects.len());
        if are_in_order(class, objects) {
            let given = self.give_in_order(heap, class, objects);
            left = objects[given..].iter();
        }
        while let Some(first) = left.as_slice().first() {
            let address = first.load(Relaxed);
            let entry = units.slab_entry(address);
            if let Some(entry) = entry.filter(|entry| Entry::place(entry.word()) == place)
                && self.put_back(heap, class, entry.slab(), &mut left) != 0
            {
                continue;
            }
            left.next();
            if let Err(wrong) = self.put_back_of(heap, class, address) {
                report(address, wrong);
                count -= 1;
            }
        }
        self.count_given(class, count);
    }

    /// Takes back the first objects of a class, as long as their addresses are more or less in order
    /// and nothing is wrong. Returns how many.
    #[inline(never)]
    fn give_in_order<S: PageSource>(&mut self, heap: &mut Heap<S>, class: SizeClass, objects: &[AtomicUsize]) -> usize {
        let mut units = heap.page_map().units();
        let place = home_place(heap.arena()) | class.bin();
        let mut left = objects;
        while are_in_order(class, left)
            && let Some(entry) = units.slab_entry(left[0].load(Relaxed))
            && Entry::place(entry.word()) == place
            && let given @ 1.. = entry.slab().give_in_order(class, left)
        {
            self.have_come_back(heap, class, entry.slab(), given);
            left = &left[given..];
        }
        objects.len() - left.len()
    }

    /// Takes back the objects that are in this arena's slabs, moves the others to the front, and
    /// returns how many these are. Calls `report` with each object that is wrong.
    pub fn give_own<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        objects: &[AtomicUsize],
        report: impl Fn(usize, ObjectMisuse),
    ) -> usize {
        let mut units = heap.page_map().units();
        let (mut kept, mut left) = (0, objects.iter());
        while let Some(first) = left.as_slice().first() {
            let address = first.load(Relaxed);
            let entry = units.slab_entry(address);
            if let Some(entry) = entry.filter(|entry| entry.arena() == heap.arena())
                && let Some(class) = entry.class()
            {
                let some = left.as_slice();
                let mut given = if are_in_order(class, some) { self.give_in_order(heap, class, some) } else { 0 };
                left = some[given..].iter();
                if given == 0 {
                    given = self.put_back(heap, class, entry.slab(), &mut left);
                }
                if given != 0 {
                    self.count_given(class, given);
                    continue;
                }
            }
            left.next();
            if entry.is_some_and(|entry| entry.arena() != heap.arena()) {
                objects[kept].store(address, Relaxed);
                kept += 1;
            } else if let Err(wrong) = self.give(heap, address) {
                report(address, wrong);
            }
        }
        kept
    }

    /// Takes back an object that was of this class when it was freed.
    #[cold]
    #[inline(never)]
    fn put_back_of<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        address: usize,
    ) -> Result<(), ObjectMisuse> {
        let entry = heap.page_map().slab_entry(address).filter(|entry| entry.arena() == heap.arena());
        // If not, the object's slab has gone back to the heap, and may be another arena's by now: all
        // its objects were free.
        let entry = entry.filter(|entry| entry.class().is_none_or(|now| now == class));
        let had = self.put_back_any(heap, entry.ok_or(ObjectMisuse::Freed(class.size()))?, address)?;
        if had == class {
            return Ok(());
        }
        // The object was freed twice, and handed out in between as one of another class.
        self.count_given(had, 1);
        Err(ObjectMisuse::Freed(class.size()))
    }

    fn count_given(&mut self, class: SizeClass, count: usize) {
        self.bins[class.index()].out -= count;
        self.dirty += count * class.size();
    }

    /// Takes the first objects back, up to one that is not of the slab's class or is free already. Returns how many.
    #[inline(always)]
    fn put_back<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        slab: &'static Slab,
        objects: &mut Iter<'_, AtomicUsize>,
    ) -> usize {
        let given = slab.give(class, objects);
        if given != 0 {
            self.have_come_back(heap, class, slab, given);
        }
        given
    }

    /// Called when objects of a slab have been put into its bitmap.
    #[inline(always)]
    fn have_come_back<S: PageSource>(
        &mut self,
        heap: &mut Heap<S>,
        class: SizeClass,
        slab: &'static Slab,
        given: usize,
    ) {
        let free = slab.count_given(given);
        if free == given {
            self.has_room(class, slab);
        }
        if free == class.objects() {
            self.emptied(heap, class, slab);
        }
    }

    /// A slab that was full has room.
    #[cold]
    #[inline(never)]
    pub(super) fn has_room(&mut self, class: SizeClass, slab: &'static Slab) {
        self.insert(class.index(), slab);
    }

    /// A slab has become empty. If the bin keeps an empty slab already, the higher of the two goes back to the heap.
    #[cold]
    #[inline(never)]
    fn emptied<S: PageSource>(&mut self, heap: &mut Heap<S>, class: SizeClass, slab: &'static Slab) {
        let bin = &mut self.bins[class.index()];
        let Some(kept) = bin.empty.replace(slab) else { return };
        let (lower, higher) = if kept.start() > slab.start() { (slab, kept) } else { (kept, slab) };
        bin.empty = Some(lower);
        self.dissolve(heap, higher);
    }
}
