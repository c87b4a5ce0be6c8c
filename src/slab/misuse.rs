//! What is wrong with a pointer into a slab.

use super::slab::Entry;

/// What is wrong with a pointer into a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectMisuse {
    /// The object, of so many bytes, is free already; 0 if it is not known what was there.
    Freed(usize),
    /// No object starts there. How many bytes the address is into an object, and that object's size;
    /// size 0: behind the last one.
    Interior(usize, usize),
}

/// What is wrong with a pointer at which no object starts.
pub fn interior(entry: Entry, address: usize) -> ObjectMisuse {
    let offset = address - entry.slab().start();
    match entry.class() {
        // A parked slab.
        Some(class) if !class.has_slabs() => ObjectMisuse::Freed(0),
        Some(class) if offset / class.size() < class.objects() => {
            ObjectMisuse::Interior(offset % class.size(), class.size())
        }
        Some(_) => ObjectMisuse::Interior(0, 0),
        None => entry.slab().interior(address),
    }
}
