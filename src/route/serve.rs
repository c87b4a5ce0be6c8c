//! Where a request is served: by an object of a slab, a block of the free list, or a mapping.

#![allow(unsafe_code)]

use super::give_back::release_regions_for;
use crate::base::class::SizeClass;
use crate::base::config::{GRAIN, REQUEST_MAX};
use crate::base::family::Family;
use crate::base::operation::Operation;
use crate::base::{align, pointer};
use crate::cache::{count, fast, refill, scopes, threads};
use crate::heap::headers;
use crate::heap::heap::Fresh;
use crate::heap::range_record::Kind;
use crate::process::{options, profiling, statics};
use crate::profile::sample;
use crate::report::misuse::{self, Wrong};
use crate::route::{compartments, guard, oom, release};
use crate::slab::key;
use crate::sys::errno;
use core::ptr::null_mut;

/// Null, and `ENOMEM` in errno.
pub fn fail() -> *mut u8 {
    errno::set_errno(libc::ENOMEM);
    null_mut()
}

/// `n` bytes for an operation, from the thread's cache if it has them.
pub fn allocate_for(operation: Operation, n: usize) -> *mut u8 {
    match fast::pop(operation, n) {
        0 => match fast::pop_counted(operation, n) {
            0 => serve(operation, n, GRAIN, false),
            object => pointer::at_mut(object),
        },
        object => pointer::at_mut(object),
    }
}

/// Serves an aligned request from a slab of its class, in place of `object`, which is not aligned: an
/// object of a mixed slab may start anywhere.
#[cold]
pub fn serve_instead(operation: Operation, object: usize, n: usize, align: usize, zero: bool) -> *mut u8 {
    // SAFETY: it was taken just now, and no other code has seen it.
    unsafe { release::release(Operation::Move, pointer::at_mut(object)) };
    // The request was counted as served, and will be counted again.
    count::uncount(operation);
    let class = SizeClass::for_aligned(n, align);
    let aligned = class.and_then(|class| statics::arena(statics::home()).enter(operation)?.take_aligned(class));
    let Some(aligned) = aligned else { return serve_block(operation, n, n, align, zero) };
    count::count(operation);
    // SAFETY: an object that was taken just now.
    unsafe { key::clear(aligned) };
    fill(aligned, class.map_or(n, SizeClass::size), n, zero)
}

/// Serves a request that the thread's cache did not serve at once. The library has started.
#[inline(never)]
pub fn serve(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    if operation != Operation::Move
        && let Some(heap) = scopes::current()
    {
        return compartments::serve(operation, heap, n, align, zero);
    }
    let class = if align <= GRAIN { SizeClass::for_size(n) } else { SizeClass::for_aligned(n, align) };
    if guard::is_asked()
        && !options::checked()
        && let Some(block) = guard::sample(operation, Family::Malloc, n, align)
    {
        return fill(block, n, n, zero);
    }
    if profiling::is_asked() && !options::checked() && sample::is_due(n, class) {
        return serve_sampled(operation, n, align, zero, class);
    }
    serve_as_usual(operation, n, align, zero, class)
}

/// Serves a request that is a sample of the profile: from the heap of samples, while an object keeps the place in which
/// it would be. A large request, which has no place among others, is served as usual.
#[cold]
#[inline(never)]
fn serve_sampled(operation: Operation, n: usize, align: usize, zero: bool, class: Option<SizeClass>) -> *mut u8 {
    if n >= options::cutoff() {
        let p = serve_as_usual(operation, n, align, zero, class);
        if !p.is_null() && statics::PAGE_MAP.get(p.addr()).is_some_and(|record| record.kind() == Kind::Mapping) {
            sample::note(p.addr(), n, 0);
        }
        return p;
    }
    let slabs = class.filter(|class| class.has_slabs() && options::slabs());
    let anchor = slabs.and_then(|class| serve_object(operation, class)).unwrap_or(0);
    let Some((block, dirty)) = sample::take(n, align, anchor) else {
        if anchor != 0 {
            // SAFETY: it was taken just now, and no other code has seen it.
            unsafe { release::release(Operation::Move, pointer::at_mut(anchor)) };
            count::uncount(operation);
        }
        return serve_as_usual(operation, n, align, zero, class);
    };
    if anchor == 0 {
        count::count(operation);
    }
    fill(block, dirty, n, zero)
}

/// The same without samples.
fn serve_as_usual(operation: Operation, n: usize, align: usize, zero: bool, class: Option<SizeClass>) -> *mut u8 {
    let class = class.filter(|_| options::slabs());
    if let Some(class) = class.filter(|class| class.has_slabs())
        && let Some(object) = serve_object(operation, class)
    {
        if !align::is(object, align) {
            return serve_instead(operation, object, n, align, zero);
        }
        return fill(object, class.size(), n, zero);
    }
    let needed = n.checked_add(if align > GRAIN { align } else { 0 });
    if needed.is_none_or(|bytes| bytes >= options::cutoff()) {
        if n > REQUEST_MAX {
            return fail();
        }
        return serve_mapping(operation, n, align, zero);
    }
    // A block that is rounded up to its class can go into the cache when it is freed.
    let medium = class.filter(|class| !class.has_slabs() && align <= GRAIN && options::caches());
    if let Some(class) = medium {
        let block = fast::pop_class(operation, class);
        if block != 0
            && let Some(usable) = usable_in_cache(operation, block)
        {
            return fill(block, usable, n, zero);
        }
        refill::missed(class);
    }
    serve_block(operation, n, medium.map_or(n, SizeClass::size), align, zero)
}

/// An object of a slab.
fn serve_object(operation: Operation, class: SizeClass) -> Option<usize> {
    let object = match threads::cache() {
        Some(cache) => refill::fill_and_pop(cache, operation, class),
        None => {
            let object = statics::arena(statics::home()).enter(operation)?.take_one(class)?;
            count::count(operation);
            // SAFETY: an object that was taken just now.
            unsafe { key::clear(object) };
            object
        }
    };
    (object != 0).then_some(object)
}

/// A block of the free list of at least `room` bytes, `n` of which were asked for.
fn serve_block(operation: Operation, n: usize, room: usize, align: usize, zero: bool) -> *mut u8 {
    let Some(mut heap) = statics::arena(statics::home()).enter(operation) else {
        return serve_aside(operation, n, align, zero);
    };
    let fresh = heap.alloc_aligned(room, align);
    drop(heap);
    match fresh.or_else(|| from_any_arena(n, align)) {
        Some(fresh) => {
            count::count(operation);
            hand_out(fresh, n, zero)
        }
        // Where no region fits any more, a small mapping may.
        None => serve_mapping(operation, n, align, zero),
    }
}

/// Serves a request of a thread that must not wait for its home: a fork has it frozen, or this is a signal
/// handler that interrupted an operation on it.
#[cold]
#[inline(never)]
fn serve_aside(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    let fresh = statics::arena_aside().and_then(|aside| aside.enter(operation)?.alloc_aligned(n, align));
    match fresh {
        Some(fresh) => {
            count::count(operation);
            hand_out(fresh, n, zero)
        }
        None => serve_mapping(operation, n, align, zero),
    }
}

fn hand_out(fresh: Fresh, n: usize, zero: bool) -> *mut u8 {
    if fresh.dirty != 0 {
        // The block may have been in a cache and have the key, and it may grow to a size at which the
        // key is looked for.
        // SAFETY: a block that was taken just now.
        unsafe { key::clear(fresh.block) };
    }
    fill(fresh.block, fresh.dirty, n, zero)
}

/// The bytes of a heap block in use that was in a cache. If its header has been overwritten there, this is reported, and
/// the block serves nobody.
fn usable_in_cache(operation: Operation, block: usize) -> Option<usize> {
    let region = statics::PAGE_MAP.get(block)?;
    // SAFETY: the page map's region.
    let usable = unsafe { headers::usable_size(region, block) };
    usable.map_err(|wrong| misuse::report(operation, block, Wrong::Block(region, wrong))).ok()
}

/// A block from any arena, when the system has no more memory: one may have a hole, or room to grow.
#[cold]
#[inline(never)]
fn from_any_arena(n: usize, align: usize) -> Option<Fresh> {
    statics::arenas().find_map(|arena| {
        let mut heap = arena.enter(Operation::Other)?;
        // An arena without regions has no hole, and a first region cannot be had.
        if heap.figures().held == 0 { None } else { heap.alloc_aligned(n, align) }
    })
}

/// Zeroes all that the program may use of a block, or fills the `n` bytes, if that was asked for. Only the
/// first `dirty` bytes may not be zero yet.
#[inline]
fn fill(block: usize, dirty: usize, n: usize, zero: bool) -> *mut u8 {
    let p: *mut u8 = pointer::at_mut(block);
    // SAFETY: the block is ours and has `n` bytes, and `dirty`; what is behind these is zero.
    unsafe {
        if zero || options::zeroes() {
            p.write_bytes(0, dirty);
        } else if options::perturb() != 0 {
            p.write_bytes(!options::perturb(), n);
        }
    }
    p
}

#[cold]
#[inline(never)]
fn serve_mapping(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    // Tries again in any case: a system call may fail just once.
    let again = || {
        release_regions_for(n);
        statics::MAPPINGS.alloc(n, align)
    };
    let Some(record) = statics::MAPPINGS.alloc(n, align).or_else(again) else {
        // The heaps may have it: freed memory that they keep.
        return match from_any_arena(n, align) {
            Some(fresh) => {
                count::count(operation);
                hand_out(fresh, n, zero)
            }
            None => {
                let again = || serve(operation, n, align, zero);
                oom::retry(n, oom::beside_forks(fail(), again), again)
            }
        };
    };
    count::count(operation);
    // A mapping is zero.
    fill(record.start(), 0, n, zero)
}

/// The bytes to ask the heap for where `n` are wanted without an alignment. These are as many as the class has, so that
/// the block can go into a cache when it is freed, and grow a little in place.
pub(super) fn room(n: usize) -> usize {
    SizeClass::for_size(n).filter(|class| !class.has_slabs()).map_or(n, SizeClass::size)
}
