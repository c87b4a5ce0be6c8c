//! What is wrong with a pointer into a slab.

use super::slab::Entry;

/// What is wrong with a pointer into a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectMisuse {
    /// The object, of so many bytes, is free already; 0 bytes: what was there is not known any more.
    Freed(usize),
    /// No object starts there: so many bytes into the slab's object of this size, or, with a size of 0, behind the last.
    Interior(usize, usize),
}

/// What a pointer that is no object's start is.
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
