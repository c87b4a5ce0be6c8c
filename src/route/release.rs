//! Where a pointer goes back to.

use crate::base::class::{SLAB_MAX, SizeClass};
use crate::base::operation::Operation;
use crate::cache::cache::Cache;
use crate::cache::refill;
use crate::report::misuse::Wrong;
use crate::slab::key;
use crate::slab::misuse::{ObjectMisuse, interior};
use crate::slab::slab::{Entry, Object};

use crate::cache::{count, fast, threads};
use crate::process::{helper_call, statics};
use crate::report::misuse;

/// The release of an object that the fast path did not take. `entry` is that of its unit.
#[cold]
#[inline(never)]
pub fn release_object(operation: Operation, entry: Entry, address: usize) {
    let Some(object @ Object { class, .. }) = entry.object_at(address) else {
        return misuse::report(operation, address, Wrong::Object(interior(entry, address)));
    };
    // SAFETY: an object starts there.
    #[expect(unsafe_code, reason = "its second word is looked at")]
    if unsafe { key::is_set(address) } || !entry.has_out(object) {
        return misuse::report(operation, address, Wrong::Object(ObjectMisuse::Freed(class.size())));
    }
    if let Some(cache) = threads::cache() {
        if entry.arena() != cache.home() {
            if refill::release_remote(cache, address) {
                count::count_moved(operation);
                return;
            }
        } else if release_class(cache, class, address) {
            count::count_moved(operation);
            return;
        }
    }
    release_to_arena(operation, entry, address);
}

/// The release of an object without a cache.
fn release_to_arena(operation: Operation, entry: Entry, address: usize) {
    let arena = statics::arena(entry.arena());
    count::count(operation);
    match arena.enter(operation) {
        Some(mut entered) => {
            let result = entered.give(address);
            if result.is_ok() && statics::PAGE_MAP.slab_entry(address).is_some() {
                // SAFETY: an object that was given back just now, of a slab that is there still: the arena is locked.
                #[expect(unsafe_code, reason = "nobody has the object")]
                unsafe {
                    key::set(address);
                }
            }
            drop(entered);
            if let Err(wrong) = result {
                misuse::report(operation, address, Wrong::Object(wrong));
            }
            helper_call::look(entry.arena());
        }
        None => {
            // SAFETY: an object that is out, which its owner is giving up.
            #[expect(unsafe_code, reason = "nobody uses the object any more")]
            unsafe {
                key::set(address);
                arena.defer(address);
            }
        }
    }
}

/// Puts a heap block whose size is that of a class into the calling thread's cache. False where that cannot be.
///
/// # Safety
/// A block of the arena's heap with so many usable bytes is there, in use and in no cache, and nobody uses it any more.
#[expect(unsafe_code, reason = "it is believed to be a block")]
pub unsafe fn release_block(operation: Operation, arena: usize, usable: usize, address: usize) -> bool {
    let Some(cache) = threads::cache().filter(|cache| cache.home() == arena) else { return false };
    let Some(class) = class_of_block(usable) else { return false };
    let released = release_class(cache, class, address);
    if released {
        count::count_moved(operation);
    }
    released
}

/// Puts what was checked into the stack of its class, and makes room there if need be.
fn release_class(cache: &Cache, class: SizeClass, address: usize) -> bool {
    fast::release_class(class, address) || refill::make_room(cache, class) && fast::release_class(class, address)
}

/// The class of heap blocks with so many usable bytes: those made for the class, or hardly larger.
#[inline(always)]
pub fn class_of_block(usable: usize) -> Option<SizeClass> {
    const SLACK: usize = 64;
    let class = SizeClass::within(usable).filter(|class| class.size() > SLAB_MAX)?;
    (usable - class.size() < SLACK).then_some(class)
}
