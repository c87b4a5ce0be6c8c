//! Which allocations are samples, and what becomes of one.

#![allow(unsafe_code)]

use super::live::Sample;
use super::table::{self, Table};
use crate::base::chance::{self, ONE};
use crate::base::class::SizeClass;
use crate::base::config::GRAIN;
use crate::base::usdt;
use crate::cache::{refill, threads};
use crate::compartment::options::Options;
use crate::compartment::table::{self as compartments, Compartment, Handle};
use crate::heap::range_record::RangeRecord;
use crate::process::profiling;
use crate::slab::key;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{thread, valgrind};
use crate::trace::unwind;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// The handle of the heap of samples; 0 before it is made.
static HEAP: AtomicUsize = AtomicUsize::new(0);
/// What reports call it.
const NAME: &[u8] = b"sampled blocks";

/// Whether an allocation of `n` bytes by the calling thread, which the slow path is about to serve from a class or
/// without one, is a sample.
#[cold]
#[inline(never)]
pub fn is_due(n: usize, class: Option<SizeClass>) -> bool {
    let rate = profiling::rate();
    let Some(cache) = threads::cache() else { return false };
    if rate == 0 || valgrind::runs() {
        cache.end_profile(n);
        return false;
    }
    if !cache.is_profiled_at(rate) {
        // What is in the stacks has had no chance to be marked.
        cache.used().for_each(|class| {
            refill::flush(cache, class, 0);
        });
        cache.begin_profile(rate);
    }
    cache.profile_passes(n, class)
}

/// A block for a sample of `n` bytes, from the heap of samples, if that has one. The anchor is an object that was
/// allocated for the request and now keeps its place: it looks as if it were free.
pub fn take(n: usize, align: usize, anchor: usize) -> Option<(usize, usize)> {
    let taken = heap().and_then(|heap| heap.enter()?.malloc(n, align.max(GRAIN)));
    let Some((block, dirty)) = taken else {
        drop_sample(2);
        return None;
    };
    if note(block, n, anchor) {
        if anchor != 0 {
            // SAFETY: an object that nobody has but the sample.
            unsafe { key::set(anchor) };
        }
        return Some((block, dirty));
    }
    if let Some(heap) = heap() {
        // SAFETY: allocated above. It was a block in use, so this does not fail.
        let _ = unsafe { heap.free(block) };
    }
    None
}

/// Notes a sample at an address. False if there is no room for it.
pub fn note(address: usize, n: usize, anchor: usize) -> bool {
    let Some(table) = table::make() else { return false };
    let rate = profiling::rate().max(1);
    let mut frames = [0; super::stacks::FRAMES + 1];
    let count = unwind::capture(&mut frames);
    let Some(stack) = table.stacks.add(&frames[..count]) else {
        drop_sample(0);
        return false;
    };
    let (weight, thread, born) = (chance::weight(n, rate), thread::number(), Linux.now());
    if !table.live.enter(&Sample { address, stack, thread, size: n, weight, anchor, born }) {
        drop_sample(1);
        return false;
    }
    let bytes = bytes_of(n, weight);
    if let Some(stack) = table.stacks.get(stack) {
        stack.count(weight, bytes);
    }
    table.count(rate, bytes);
    usdt::alloc(address, n, bytes);
    true
}

/// Takes the sample at an address out, as the program frees it; the object that has kept its place, which the caller
/// gives back, or 0.
#[cold]
#[inline(never)]
pub fn forget(address: usize) -> usize {
    let Some(table) = table::table() else { return 0 };
    let Some(sample) = table.live.leave(address) else { return 0 };
    usdt::free(address);
    let bytes = bytes_of(sample.size, sample.weight);
    if let Some(stack) = table.stacks.get(sample.stack) {
        stack.count_free(sample.weight, bytes, Linux.now().saturating_sub(sample.born));
    }
    table.count_free(bytes);
    if sample.anchor != 0 {
        // SAFETY: an object that nobody has but the sample.
        unsafe { key::clear(sample.anchor) };
    }
    sample.anchor
}

/// Whether a region is of the heap of samples.
pub fn owns(region: &RangeRecord) -> bool {
    let Handle(handle) = Handle(HEAP.load(Relaxed));
    handle != 0 && region.compartment() == Some(Handle(handle).index())
}

/// Bytes that a sample stands for.
fn bytes_of(n: usize, weight: u64) -> u64 {
    (n as u128 * u128::from(weight) / u128::from(ONE)) as u64
}

fn drop_sample(why: usize) {
    if let Some(Table { head, .. }) = table::table() {
        head.dropped[why].fetch_add(1, Relaxed);
    }
}

/// The heap of samples, which is made if there is none.
fn heap() -> Option<&'static Compartment> {
    let mut handle = HEAP.load(Acquire);
    if handle == 0 {
        let Handle(made) = compartments::make(&Options { name: NAME, internal: true, ..Options::DEFAULT })?;
        // Of two threads one makes a heap in vain, which stays empty.
        handle = HEAP.compare_exchange(0, made, AcqRel, Acquire).map_or_else(|known| known, |_| made);
    }
    compartments::at(Handle(handle).index())
}
