//! Blind heads: what a thread's cache pointer leads to while each of its calls is to take the slow path.
//!
//! ```text
//!     cache pointer -> | gate: 0 | home | near leaf | an empty leaf | cache | kind |
//! ```
//!
//! The gate is never open and the near leaf shows nothing, so the fast paths serve nothing and take nothing back. The
//! thread's cache is behind the head. The head of a thread without a cache, `thread::no_cache`, is one of these.
//! Caches begin at multiples of `CACHE_ALIGN`, and blind heads do not: so one test tells which it is.

#![allow(unsafe_code)]

use super::tls as word;
use crate::base::pointer;
use core::mem::offset_of;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// Caches are aligned to this many bytes.
pub const CACHE_ALIGN: usize = 64;
/// Where a blind head begins, from a multiple of `CACHE_ALIGN` on.
const AT: usize = 16;

/// What a cache pointer leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A cache.
    Cache,
    /// The head of threads without a cache.
    Nobody,
    /// The blind head of a thread that waits for a call.
    Outside,
    /// That of a thread without a cache, within a call.
    Inside,
}

/// A blind head, and what stands before it.
#[repr(C, align(64))]
pub struct Blind {
    pad: [AtomicUsize; AT / size_of::<usize>()],
    gate: AtomicUsize,
    home: AtomicUsize,
    near_leaf: AtomicUsize,
    leaf: [AtomicUsize; 2],
    /// The address of the thread's cache; 0 for none.
    cache: AtomicUsize,
    kind: AtomicUsize,
}

const _: () = assert!(offset_of!(Blind, gate) == AT && align_of::<Blind>() == CACHE_ALIGN);
const _: () = assert!(size_of::<usize>() != 8 || offset_of!(Blind, kind) - AT == 48);

const OUTSIDE: usize = 1;
const INSIDE: usize = 2;

impl Blind {
    /// Lays out zeroed memory as a blind head.
    pub fn begin(&self, kind: Kind) {
        let near_leaf = blind(word::no_cache()).near_leaf.load(Relaxed);
        self.near_leaf.store(near_leaf, Relaxed);
        self.kind.store(if kind == Kind::Outside { OUTSIDE } else { INSIDE }, Relaxed);
    }

    /// The address for a cache pointer that is to lead here.
    pub fn head(&self) -> usize {
        pointer::expose(&raw const self.gate)
    }

    /// The address of the cache behind it; 0 for none.
    pub fn cache(&self) -> usize {
        self.cache.load(Relaxed)
    }

    /// Sets the cache behind it.
    pub fn set_cache(&self, address: usize) {
        self.cache.store(address, Relaxed);
    }
}

/// The blind head at an address to which a cache pointer leads.
#[inline]
fn blind(head: usize) -> &'static Blind {
    // SAFETY: a cache pointer leads to a cache or a blind head, and both stay mapped. The words before are not touched.
    unsafe { pointer::to_ref(head - AT) }
}

/// What a cache pointer leads to.
pub fn kind(head: usize) -> Kind {
    if head.is_multiple_of(CACHE_ALIGN) {
        return Kind::Cache;
    }
    match blind(head).kind.load(Relaxed) {
        OUTSIDE => Kind::Outside,
        INSIDE => Kind::Inside,
        _ => Kind::Nobody,
    }
}

/// The address of the cache that a cache pointer leads to, or that stands behind the blind head; 0 for none.
#[inline]
pub fn behind(head: usize) -> usize {
    if head.is_multiple_of(CACHE_ALIGN) { head } else { blind(head).cache() }
}

/// Makes a cache the calling thread's, or none, if the address is 0.
pub fn set_cache(address: usize) {
    let head = word::cache();
    match kind(head) {
        Kind::Outside => blind(head).set_cache(address),
        _ if address == 0 => word::set_cache(word::no_cache()),
        _ => word::set_cache(address),
    }
}
