//! Tags: heaps that are known by their names, one for each name in the process. What a thread allocates between a
//! push and a pop is in the tag's heap, so its live bytes, its peak and its count are exact, whoever frees the
//! blocks.

use super::heap;
use crate::cache::scopes;
use crate::compartment::name::Name;
use crate::compartment::options::Options;
use crate::compartment::table::{self, Handle};
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{AcqRel, Acquire};

/// The most tags.
const TAGS: usize = 256;

/// The tags' handles, by the hash of their names: the first free place from there on.
static TABLE: [AtomicUsize; TAGS] = [const { AtomicUsize::new(0) }; TAGS];

/// As FNV-1a.
fn hash(name: &[u8]) -> usize {
    let hash = name
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) as usize
}

/// The heap of a tag, made at the first call for its name, of which up to 31 bytes count. It stays for good. `None`,
/// and `ENOMEM` in errno, where memory is out, or there are as many tags as there may be.
pub fn tag(name: &[u8]) -> Option<Handle> {
    let kept = Name::new(name);
    let start = hash(kept.bytes());
    let places = (0..TAGS).map(|step| &TABLE[(start + step) % TAGS]);
    let mut made = None;
    for place in places {
        let mut known = place.load(Acquire);
        if known == 0 {
            let options = Options { name, ..Options::DEFAULT };
            let own = match made {
                Some(own) => own,
                None => heap::make(&options)?,
            };
            made = Some(own);
            match place.compare_exchange(0, own.0, AcqRel, Acquire) {
                Ok(_) => return Some(own),
                Err(other) => known = other,
            }
        }
        let is_it = table::at(Handle(known).index()).is_some_and(|heap| heap.name().bytes() == kept.bytes());
        if is_it {
            // Another thread was first.
            made.into_iter().for_each(heap::destroy);
            return Some(Handle(known));
        }
    }
    made.into_iter().for_each(heap::destroy);
    heap::out_of_memory()
}

/// Has what the calling thread allocates be in a tag's heap until `pop`. Nests. False where that cannot be: see
/// `heap::enter`.
pub fn push(name: &[u8]) -> bool {
    tag(name).is_some_and(heap::enter)
}

/// Ends the innermost `push`. False if the thread is in none.
pub fn pop() -> bool {
    scopes::current().is_some_and(scopes::leave)
}
