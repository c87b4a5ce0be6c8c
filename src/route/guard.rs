//! Sampled guarded blocks: one allocation in N, at random, is served from the guard pool
//! (`report::guard_pool`), where wrong accesses fault.
//!
//! The thread caches count, and send the next allocation to the slow path when a sample is due (`cache`). Threads
//! without a cache count here. Guarding can be switched on, off and to another rate while the program runs.

use crate::base::checksum;
use crate::base::code::Code;
use crate::base::family::Family;
use crate::base::operation::Operation;
use crate::cache::{count, threads};
use crate::process::{options, start};
use crate::report::fault::{self, Handling};
use crate::report::guard_pool::{self, Freed, Pool, PoolLocation};
use crate::report::guarded_block::{GuardedBlock, Offset, describe_block};
use crate::report::misuse;
use crate::report::trailer::{self, Call, Facts};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, errno};
use crate::trace::fault::Fault;
use crate::trace::report;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Where every block is checked anyway, `on` also guards the first blocks of a process, so that small programs are
/// guarded as a whole. As many slots remain for the samples.
const FIRST: usize = guard_pool::SLOTS / 2;

/// The millisecond of the last sample of a thread without a cache.
static SAMPLED_AT: AtomicU64 = AtomicU64::new(0);
/// Blocks that were taken as first ones.
static FIRST_TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Whether guarding was ever on: caches may be armed.
static EVER: AtomicBool = AtomicBool::new(false);
/// Allocations of threads without caches until one is a sample.
static COUNTDOWN: AtomicI64 = AtomicI64::new(0);
/// How many random numbers were made.
static SIDES: AtomicU64 = AtomicU64::new(0);

/// When the library is loaded: switches guarding on if the options ask for it.
pub fn begin() {
    if options::checked() && !options::guard_is_chosen() && !start::on_valgrind() {
        options::choose_guard(options::GUARD_SPACED_ON);
    }
    follow();
}

/// Follows a change of the rate, perhaps in a running program.
pub fn follow() {
    if options::guard_rate() != 0 {
        switch_on();
    }
}

fn switch_on() {
    if start::on_valgrind() {
        // Valgrind serves the program itself.
        return;
    }
    if guard_pool::make().is_none() {
        options::set_guard_off();
        return report::say(format_args!("no memory for guarded allocations: guard is off"));
    }
    fault::set_owner(fault::Owned::Guarded, on_fault);
    errno::keeping_errno(fault::watch);
    EVER.store(true, Ordering::Release);
    // Each cache's next allocation takes the slow path, and finds the new rate.
    for cache in threads::all() {
        const TRIES: usize = 20;
        (0..TRIES).any(|_| {
            cache.arm() || {
                calls::sleep(1);
                false
            }
        });
    }
}

/// Whether allocations in the slow path have to ask `sample`.
#[inline]
pub fn is_asked() -> bool {
    EVER.load(Relaxed)
}

/// A guarded block for the request that the slow path is about to serve, if that is to be a sample. The block stands at
/// either end of its slot, at random. Where all are samples, and among the first of a process, it stands at the right
/// end: then each run finds the same, and overflows are the most frequent errors.
#[cold]
#[inline(never)]
pub fn sample(operation: Operation, family: Family, n: usize, align: usize) -> Option<usize> {
    if n > guard_pool::LARGEST {
        return None;
    }
    let rate = options::guard_rate();
    let first = options::guard_is_spaced() && options::checked() && is_first();
    let pool = guard_pool::pool()?;
    // Only a page shows an access to a block of no bytes. Such a block takes no accessible page.
    let nothing = n == 0 && options::checked() && pool.has_many_free();
    let due = match threads::cache() {
        Some(cache) => cache.take_sample(rate, n),
        None => first || nothing || count_down(rate),
    };
    if !due || rate == 0 {
        return None;
    }
    let right = rate == 1 || first || random() & 1 == 0;
    let block = pool.take(family, n, align, right)?;
    count::count(operation);
    Some(block)
}

/// Whether this is one of the first blocks.
fn is_first() -> bool {
    FIRST_TAKEN.load(Relaxed) < FIRST && FIRST_TAKEN.fetch_add(1, Relaxed) < FIRST
}

fn random() -> u64 {
    let x = SIDES.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ checksum::secret();
    (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

/// Whether the request of a thread without a cache is a sample.
fn count_down(rate: usize) -> bool {
    if rate < 2 {
        return rate == 1;
    }
    let left = COUNTDOWN.load(Relaxed);
    if left > 0 {
        // The loss of another thread's count does no harm.
        COUNTDOWN.store(left - 1, Relaxed);
        return false;
    }
    COUNTDOWN.store((random() % (2 * rate as u64 - 1)).cast_signed(), Relaxed);
    let now = Linux.now();
    !options::guard_is_spaced() || SAMPLED_AT.swap(now, Relaxed) != now
}

/// Releases a guarded block, or reports what is wrong with the pointer.
#[cold]
#[inline(never)]
pub fn release(operation: Operation, address: usize) {
    let Some(pool) = guard_pool::pool() else { return };
    let block = match pool.find(address) {
        PoolLocation::Block(block) => block,
        found => return wrong(&found, operation, address),
    };
    match pool.free(&block) {
        Freed::Done => {}
        Freed::Damaged(at) => damaged(operation, &block, at),
        Freed::Again => freed(operation, &block, address),
    }
    count::count(operation);
}

/// Whether an address is in the pool.
pub fn holds(address: usize) -> bool {
    guard_pool::pool().is_some_and(|pool| pool.holds(address))
}

/// What was asked for, if a block in use starts at an address of the pool.
pub fn facts(address: usize) -> Option<Facts> {
    match guard_pool::pool()?.find(address) {
        PoolLocation::Block(block) => Some(block.facts()),
        _ => None,
    }
}

/// Lets any family free a block of malloc's.
pub fn open_to_any(address: usize) {
    if let Some(pool) = guard_pool::pool()
        && let PoolLocation::Block(block) = pool.find(address)
    {
        pool.open_to_any(&block);
    }
}

/// Calls `f` with the start and the size of each guarded block in use, and the call that allocated it.
pub fn for_each_in_use(f: &mut dyn FnMut(usize, usize, Call)) {
    for block in guard_pool::pool().into_iter().flat_map(Pool::used) {
        let (stack, thread) = (trailer::remember(block.allocated.frames()), block.allocated.thread);
        f(block.start, block.size, Call { stack, thread });
    }
}

/// At exit: reports what was written next to blocks in use.
pub fn finish() {
    let Some(pool) = guard_pool::pool() else { return };
    for block in pool.used() {
        // Another thread may have freed it since.
        if let Some(at) = block.damage_meanwhile().filter(|_| pool.is_unchanged(&block)) {
            damaged(Operation::Other, &block, at);
        }
    }
}

/// The bytes that were asked for, if a guarded block in use starts at an address. Otherwise `None`,
/// and that has been reported.
pub fn usable(operation: Operation, address: usize) -> Option<usize> {
    match guard_pool::pool()?.find(address) {
        PoolLocation::Block(block) => Some(block.size),
        found => {
            wrong(&found, operation, address);
            None
        }
    }
}

/// Reports what is wrong with a pointer into the pool.
fn wrong(found: &PoolLocation, operation: Operation, address: usize) {
    match found {
        PoolLocation::Freed(block) | PoolLocation::NearFreed(block) => freed(operation, block, address),
        PoolLocation::Near(block) if address > block.start => {
            misuse::report_interior(operation, address, block.start, block.size);
        }
        _ => misuse::nowhere(operation, address, format_args!("no block starts here, in the pool of guarded ones")),
    }
}

fn freed(operation: Operation, block: &GuardedBlock, address: usize) {
    let (size, offset) = (block.size, address.wrapping_sub(block.start));
    if offset == 0 {
        misuse::freed(operation, address, format_args!("this block of {size} bytes is free already"));
    } else {
        let (at, place) = (block.start, Offset(block, address));
        misuse::freed(operation, address, format_args!("{place} the block of {size} bytes at {at:#x}, which is free"));
    }
}

fn damaged(operation: Operation, block: &GuardedBlock, at: usize) {
    let (start, size) = (block.start, block.size);
    let (code, by) = match at < start {
        true => (Code::Underflow, start - at),
        false => (Code::Overflow, at + 1 - (start + size)),
    };
    let side = if at < start { "before" } else { "behind" };
    let what = format_args!("byte {by} {side} the block of {size} bytes was written to");
    match operation {
        Operation::Other => misuse::found_meanwhile(code, start, 0, what),
        _ => misuse::found_at(code, operation, start, 0, what),
    }
}

/// Reports a fault if its address is in the pool.
pub fn on_fault(fault: &Fault) -> Handling {
    let address = fault.address;
    let Some(pool) = guard_pool::pool().filter(|pool| pool.holds(address)) else { return Handling::NotOurs };
    let (access, place) = (fault.access.name(), pool.find(address));
    match place {
        PoolLocation::Freed(block) | PoolLocation::NearFreed(block) => {
            let (place, size, start) = (Offset(&block, address), block.size, block.start);
            let text = format_args!(
                "{access} at {address:#x}: {place} the block of {size} bytes at {start:#x}, which was freed"
            );
            fault::tell(Code::UseAfterFree, fault, text, &|detail| describe_block(detail, &block))
        }
        PoolLocation::Near(block) | PoolLocation::Block(block) => {
            let (place, size, start) = (Offset(&block, address), block.size, block.start);
            let text = format_args!("{access} at {address:#x}: {place} the block of {size} bytes at {start:#x}");
            fault::tell(Code::OutOfBounds, fault, text, &|detail| describe_block(detail, &block))
        }
        PoolLocation::Nowhere => {
            let text = format_args!("{access} at {address:#x}: in the pool of guarded blocks, where there is none");
            fault::tell(Code::OutOfBounds, fault, text, &|_| {})
        }
    }
}
