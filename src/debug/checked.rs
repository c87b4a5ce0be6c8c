//! The checked route: what `checks=full` and `debug=1` put between the program and the allocator.
//!
//! ```text
//!     malloc(n) -> a block with room for a trailer -> filled, trailer written -> program
//!     free(p)   -> trailer, canaries, neighbours, claim checked -> freed -> filled, in quarantine -> checked -> heap
//! ```
//!
//! There are no thread caches then, so every call comes here from a slow path. The fast paths know nothing
//! of it. A checked block is one of the allocator's own, a little larger. Slabs, free list and mappings
//! below are the same as ever, with their own checks. A mapping ends with an untouchable page, and another
//! stands before it. The first blocks of a process and some of the others are guarded instead (`guard`).
//!
//! Under valgrind, unless it serves the program itself, its tools are told of each block, and watch
//! every access. Then nothing is filled, hidden or searched here. metes' own accesses are made
//! quietly, as they touch memory that the tools take for unallocated.

#![allow(unsafe_code)]

use super::looks::{freed, look, look_at, look_before, look_beside, tell, untouched, waiting, whole_in_use};
use super::quarantine::{self, Vacant};
use super::under_way::{AT_WORK, GIVING, KEEPING};
use crate::base::class::{SLAB_MAX, SizeClass};
use crate::base::config::{GRAIN, REQUEST_MAX};
use crate::base::family::{Claim, Family};
use crate::base::operation::Operation;
use crate::base::{align, pointer};
use crate::cache::{count, scopes};
use crate::debug::faults;
use crate::process::options::Foreign;
use crate::process::{options, statics};
use crate::report::checked_block::{Below, block_of, find, red_zone};
use crate::report::trailer::{self, CheckedBlock, Facts};
use crate::report::{fault, foreign};
use crate::route::{compartments, guard, oom, owner, release, serve};
use crate::slab::slab::Object;
use crate::sys::mmap::page_size;
use crate::sys::{errno, mmap, valgrind};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// What new blocks are filled with.
const FRESH: u8 = 0xa5;

/// Bytes to ask the allocator for, for a block of `n`. A request that becomes a mapping ends with
/// an untouchable page, and is whole pages. No other request is.
fn room(n: usize) -> Option<usize> {
    let room = align::up_checked(n.checked_add(trailer::overhead() + 2 * red_zone())?, 8)?;
    if room + page_size() >= options::cutoff() {
        return align::up_checked(room, page_size())?.checked_add(page_size());
    }
    Some(if align::is(room, page_size()) { room + 8 } else { room })
}

/// For a mapping: makes what is behind the block untouchable and reserves the page before it, or
/// undoes both. Returns false if the kernel refuses the first.
fn set_guard(block: CheckedBlock, place: Below, closed: bool) -> bool {
    let Below::Mapping(record) = place else { return true };
    let (before, page) = (record.start() - page_size(), page_size());
    if closed {
        fault::watch();
        // If something is there already, it stays as it is.
        record.joined.store(mmap::reserve_at(before, page).into(), Relaxed);
    } else if record.joined.swap(0, Relaxed) != 0 {
        // SAFETY: reserved above, and `joined` notes that.
        unsafe { mmap::unreserve_at(before, page) };
    }
    if !align::is(block.end, page_size()) || block.end == record.end() {
        return true;
    }
    let len = record.end() - block.end;
    if closed { mmap::forbid(block.end, len) } else { mmap::permit(block.end, len) }
}

/// Serves a request, and tells the tools. A macro, so that the innermost function in the stack that
/// they keep is the one around it, which has the name of what the program called.
macro_rules! served {
    ($operation:expr, $family:expr, $n:expr, $align:expr, $zero:expr) => {{
        valgrind::quiet();
        let p = make($operation, $family, $n, $align, $zero);
        valgrind::loud();
        if !p.is_null() {
            valgrind::allocated!(p.addr(), $n, $zero);
        }
        p
    }};
}

/// Serves a request of a thread that is in a scope of a heap that the program has made; `None` outside of all. Such
/// heaps have trailers, and tell the tools, themselves.
fn scoped(operation: Operation, n: usize, align: usize, zero: bool) -> Option<*mut u8> {
    Some(compartments::serve(operation, scopes::current()?, n, align, zero))
}

/// Does what `front::entries::malloc` does.
#[inline(never)]
pub fn malloc(family: Family, n: usize) -> *mut u8 {
    if let Some(p) = scoped(Operation::Malloc, n, GRAIN, false) {
        return p;
    }
    served!(Operation::Malloc, family, n, GRAIN, false)
}

/// Does what `front::entries::calloc` does.
#[inline(never)]
pub fn calloc(n: usize, align: usize) -> *mut u8 {
    if let Some(p) = scoped(Operation::Calloc, n, align, true) {
        return p;
    }
    served!(Operation::Calloc, Family::Malloc, n, align, true)
}

/// Does what `front::entries::aligned_alloc` does.
#[inline(never)]
pub fn aligned_alloc(family: Family, n: usize, align: usize) -> *mut u8 {
    if let Some(p) = scoped(Operation::Aligned, n, align, false) {
        return p;
    }
    served!(Operation::Aligned, family, n, align, false)
}

/// `n` bytes, aligned to `align`, zero if `zero`.
fn make(operation: Operation, family: Family, n: usize, align: usize, zero: bool) -> *mut u8 {
    if guard::is_asked()
        && let Some(start) = guard::sample(operation, family, n, align)
    {
        return filled(start, n, zero);
    }
    let Some(room) = room(n).filter(|&room| room <= REQUEST_MAX) else { return serve::fail() };
    let begin = |block: CheckedBlock| {
        // A large block is zero already.
        let p = filled(block.start, if zero && room > SLAB_MAX { 0 } else { n }, zero);
        block.begin(n, align, family, trailer::here());
        p
    };
    if align <= GRAIN
        && let Some(class) = SizeClass::for_size(room).filter(|class| class.has_slabs() && options::slabs())
        && let Some(object) = quarantine::take_ready(operation, statics::home(), class)
    {
        return begin(block_of(object, class));
    }
    fault::set_owner(fault::Owned::Checked, faults::on_fault);
    AT_WORK.fetch_add(1, SeqCst);
    let served = serve(operation, room, align, zero).and_then(find);
    let p = served.map_or(null_mut(), |(block, place)| {
        set_guard(block, place, true);
        begin(block)
    });
    AT_WORK.fetch_sub(1, SeqCst);
    p
}

/// A block of at least `room` bytes.
fn serve(operation: Operation, room: usize, align: usize, zero: bool) -> Option<usize> {
    // Objects are not zeroed here: their last word stays what it is until the trailer is written.
    let serve = || serve::serve(operation, room, align, zero && room > SLAB_MAX).addr();
    let served = match oom::without_handler(serve) {
        // The memory of blocks in quarantine may do. This is tried before the program is asked.
        0 => {
            quarantine::drain(leave);
            serve()
        }
        address => address,
    };
    (served != 0).then_some(served)
}

/// Fills new bytes of a block: with zeroes if `zero`, else as the options say. The bytes of large
/// blocks come from the system as zeroes.
fn filled(start: usize, n: usize, zero: bool) -> *mut u8 {
    let p: *mut u8 = pointer::at_mut(start);
    let byte = match options::fill() {
        _ if zero => 0,
        options::Fill::Junk => FRESH,
        options::Fill::Zero => 0,
        options::Fill::Off => return p,
    };
    if n < options::cutoff() {
        // SAFETY: bytes of a block of ours that the program does not use yet.
        unsafe { p.write_bytes(byte, n) };
    }
    p
}

/// How a call that gives a block back ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The block is freed.
    Freed,
    /// The block is freed, though the call said something wrong of it.
    FreedWrongly,
    /// The pointer was reported and left alone.
    Refused,
}

/// For a wrong call, has memcheck add what it knows of the block, and count the error.
macro_rules! counted {
    ($end:expr, $start:expr) => {
        match $end {
            End::Freed => {}
            End::FreedWrongly => valgrind::refuse!($start),
            End::Refused => valgrind::freed!($start),
        }
    };
}

/// Does what `front::entries::free_claimed` does.
///
/// # Safety
/// As there.
#[inline(never)]
pub unsafe fn free(p: *mut u8, claim: Claim) {
    if p.is_null() {
        return;
    }
    if owner::is_in_a_made_heap(p.addr()) {
        // SAFETY: the caller's promise.
        return unsafe { release::release(Operation::Free, p) };
    }
    valgrind::quiet();
    let taken = take_back(Operation::Free, p, claim);
    if let Ok((block, facts, _)) = taken {
        valgrind::freed!(block.start);
        put_away(Operation::Free, block, facts);
    }
    valgrind::loud();
    counted!(end_of(&taken), p.addr());
}

/// What a call has taken back, and whether all that was said of it is true. Or else how the call ended.
type Taken = Result<(CheckedBlock, Facts, bool), End>;

fn end_of(taken: &Taken) -> End {
    match *taken {
        Ok((_, _, true)) => End::Freed,
        Ok((_, _, false)) => End::FreedWrongly,
        Err(end) => end,
    }
}

/// Takes back a guarded block or a foreign one, or reports what is wrong.
#[cold]
fn take_other(operation: Operation, p: *mut u8, claim: Claim) -> End {
    let address = p.addr();
    if guard::holds(address) {
        let as_said = guard::facts(address).is_none_or(|facts| look_at(operation, address, facts, claim));
        guard::release(operation, address);
        return if as_said { End::Freed } else { End::FreedWrongly };
    }
    if !owner::is_foreign(address) {
        tell(operation, p);
        return End::Refused;
    }
    foreign::free(p);
    // If the pointer goes to the libc, the libc says what is wrong.
    if options::foreign() == Foreign::Libc { End::Freed } else { End::Refused }
}

/// Makes a block in use a freed one. The call that succeeds puts it away.
fn take_back(operation: Operation, p: *mut u8, claim: Claim) -> Taken {
    let Some((block, place, facts)) = whole_in_use(p) else { return Err(take_other(operation, p, claim)) };
    look_before(operation, block, place);
    look_beside(block, place);
    let as_said = look_at(operation, block.start, facts, claim);
    if !block.claim(facts, trailer::here()) {
        freed(operation, block, facts);
        return Err(End::Refused);
    }
    Ok((block, facts, as_said))
}

fn put_away(operation: Operation, block: CheckedBlock, facts: Facts) {
    let home = statics::home();
    quarantine::put(operation, home, block, facts, leave);
}

/// Called when a block leaves the quarantine. If it is whole it is used again: an object of a slab
/// goes to the caller, others go back to the heap.
fn leave(start: usize) -> Option<Vacant> {
    let (block, place) = waiting(start)?;
    if let Below::Slab(_, Object { class, .. }) = place {
        return vacate(block, place).then_some(Vacant { object: start, class });
    }
    let is_mapping = matches!(place, Below::Mapping(_));
    if is_mapping {
        GIVING.fetch_add(1, SeqCst);
    }
    if !(is_mapping && KEEPING.load(SeqCst)) && vacate(block, place) {
        // SAFETY: no code has had the block since it was freed.
        unsafe { release::release(Operation::Move, pointer::at_mut(start)) };
    }
    if is_mapping {
        GIVING.fetch_sub(1, SeqCst);
    }
    None
}

/// Makes a block that has waited vacant. Returns false if it must not be used again.
fn vacate(block: CheckedBlock, place: Below) -> bool {
    let untouched = untouched(block).is_some_and(|facts| quarantine::open(block, facts));
    let vacated = untouched && set_guard(block, place, false);
    if vacated {
        block.end();
    }
    vacated
}

/// Does what `front::entries::usable_size` does: returns what was asked for, and not a byte more.
#[cold]
pub fn usable_size(p: *mut u8) -> usize {
    if p.is_null() {
        return 0;
    }
    let size = valgrind::quietly(|| {
        match owner::is_foreign(p.addr()) || guard::holds(p.addr()) || owner::is_in_a_made_heap(p.addr()) {
            true => owner::usable(Operation::UsableSize, p),
            false => look(Operation::UsableSize, p).map(|(.., facts)| facts.size),
        }
    });
    if size.is_none() {
        valgrind::refuse!(p.addr());
    }
    size.unwrap_or(0)
}

/// Lets any family free a block of malloc's that the C++ runtime asked for and no other code has seen.
pub fn open_to_any(p: *mut u8) {
    if guard::holds(p.addr()) {
        return guard::open_to_any(p.addr());
    }
    if let Some((block, _, facts)) = whole_in_use(p).filter(|(.., facts)| facts.family == Family::Malloc) {
        block.open_to_any(facts);
    }
}

/// Does what `front::entries::realloc` does.
///
/// # Safety
/// As there.
#[inline(never)]
pub unsafe fn realloc(p: *mut u8, n: usize) -> *mut u8 {
    if p.is_null() {
        if let Some(p) = scoped(Operation::Realloc, n, GRAIN, false) {
            return p;
        }
        return served!(Operation::Realloc, Family::Malloc, n, GRAIN, false);
    }
    if owner::is_in_a_made_heap(p.addr()) {
        // SAFETY: the caller's promise.
        return unsafe { compartments::resize_any(p, n) };
    }
    valgrind::quiet();
    let (new, taken) = change(p, n);
    if let Ok((block, facts, _)) = taken {
        if !new.is_null() {
            valgrind::allocated!(new.addr(), n, false);
            // SAFETY: two different blocks of at least these sizes, and no other code has them.
            unsafe { new.copy_from_nonoverlapping(p, facts.size.min(n)) };
        }
        valgrind::freed!(block.start);
        put_away(Operation::Move, block, facts);
    }
    valgrind::loud();
    counted!(end_of(&taken), p.addr());
    new
}

/// What `p` becomes, and the block that is taken back for it, whose content has still to be copied.
fn change(p: *mut u8, n: usize) -> (*mut u8, Taken) {
    const CLAIM: Claim = Claim::of(Family::Malloc);
    if n == 0 {
        let taken = take_back(Operation::Move, p, CLAIM);
        count::count(Operation::Realloc);
        return (null_mut(), taken);
    }
    if owner::is_foreign(p.addr()) {
        let end = if options::foreign() == Foreign::Libc { End::Freed } else { End::Refused };
        return (foreign::realloc(p, n), Err(end));
    }
    let refuse = || {
        errno::set_errno(libc::EINVAL);
        (null_mut(), Err(End::Refused))
    };
    if let Some(facts) = guard::facts(p.addr()) {
        return (change_guarded(p, facts, n), Err(End::Freed));
    }
    let Some((block, _, facts)) = look(Operation::Realloc, p) else { return refuse() };
    let as_said = look_at(Operation::Realloc, block.start, facts, CLAIM);
    let has = block.end - block.start;
    let fits = room(n).is_some_and(|room| room <= has && room > has / 2);
    // What stands behind the bytes that were asked for has to fit into the trailer's 32 bits. Under
    // valgrind a block always moves, so that uses of the old address are found.
    let fits = fits && u32::try_from(has - n).is_ok() && !valgrind::listens();
    if fits && resize_block(block, facts, n) {
        filled(block.start + facts.size, n.saturating_sub(facts.size), false);
        count::count(Operation::Realloc);
        return (p, Err(End::Freed));
    }
    let new = make(Operation::Move, Family::Malloc, n, GRAIN, false);
    if new.is_null() {
        return (new, Err(End::Freed));
    }
    // This claims what is known of the block, as the program's claim was looked at before.
    match take_back(Operation::Move, p, Claim::of(facts.family).align(facts.align)) {
        Ok(_) => {
            count::count(Operation::Realloc);
            (new, Ok((block, facts, as_said)))
        }
        Err(end) => {
            // Another thread has freed it meanwhile.
            if let Ok((block, facts, _)) = take_back(Operation::Move, new, CLAIM) {
                put_away(Operation::Move, block, facts);
            }
            errno::set_errno(libc::EINVAL);
            (null_mut(), Err(end))
        }
    }
}

/// What a guarded block becomes. It always moves.
fn change_guarded(p: *mut u8, facts: Facts, n: usize) -> *mut u8 {
    look_at(Operation::Realloc, p.addr(), facts, Claim::of(Family::Malloc));
    let new = make(Operation::Move, Family::Malloc, n, GRAIN, false);
    if !new.is_null() {
        // SAFETY: two different blocks of at least these sizes, and the program may not use the old one meanwhile.
        unsafe { new.copy_from_nonoverlapping(p, facts.size.min(n)) };
        guard::release(Operation::Move, p.addr());
        count::count(Operation::Realloc);
    }
    new
}

fn resize_block(block: CheckedBlock, facts: Facts, n: usize) -> bool {
    AT_WORK.fetch_add(1, SeqCst);
    let resized = block.resize(facts, n);
    AT_WORK.fetch_sub(1, SeqCst);
    resized
}
