//! Giving whole regions back where a mapping cannot be had.

use crate::base::align;
use crate::base::operation::Operation;
use crate::cache::{held, threads};
use crate::compartment::ranges;
use crate::process::statics;
use crate::sys::linux::Linux;
use crate::sys::mmap;
use crate::sys::pages::PageSource;

/// Gives whole regions back when address space, or a part of a limit, is missing for a mapping of `n` bytes. Returns
/// how many bytes that were: none where all that could go back is not enough. Keeps errno.
pub fn release_regions_for(n: usize) -> usize {
    if !would_fit(n) {
        return 0;
    }
    threads::flush_mine();
    let entered = statics::arenas().filter_map(|arena| arena.enter(Operation::Other));
    entered.map(|mut arena| arena.release_whole_regions()).sum::<usize>()
        + statics::MAPPINGS.release_retained()
        + ranges::release()
}

/// Whether `n` bytes may be had once all that is free has gone back. To find out, this maps what is missing beside
/// that, and unmaps it again: so the limits of the kernel and of `limit` apply. It needs no call that asks for the
/// limits and that a sandbox may not allow.
fn would_fit(n: usize) -> bool {
    let entered = statics::arenas().filter_map(|arena| arena.enter(Operation::Other));
    let free = entered.map(|arena| arena.releasable()).sum::<usize>();
    let free = free + held::cached_by_me() + statics::MAPPINGS.retained_bytes() + ranges::waiting();
    let beside = align::down(n.saturating_sub(free), mmap::page_size());
    if beside == 0 {
        return true;
    }
    match Linux.map(0, beside) {
        Some(start) => {
            // SAFETY: mapped just now, and no other code has seen it.
            #[expect(unsafe_code, reason = "undoing the map call above")]
            unsafe {
                Linux.unmap(start, beside)
            };
            true
        }
        None => false,
    }
}
