//! Allocation tokens: a compiler that knows the type of what is allocated says so (clang's `-fsanitize=alloc-token`).
//!
//! Blocks for types without pointers, text and numbers, come from heaps of their own, one for each arena. An overflow
//! or a late write among them reaches no pointer, and no pointer's block is used again for one of them.

use super::heap;
use crate::base::config::ARENAS_MAX;
use crate::base::operation::Operation;
use crate::compartment::options::Options;
use crate::process::{start, statics};
use crate::route::compartments;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{AcqRel, Acquire};

/// The heaps, as their handles say, by the arena of the threads that they serve; 0 for none yet.
static HEAPS: [AtomicUsize; ARENAS_MAX] = [const { AtomicUsize::new(0) }; ARENAS_MAX];

/// Whether a token stands for types without pointers. The compiler's hash of a type is in the upper half of all
/// numbers if the type has pointers, and it has no type in 0; where there are two tokens, 1 stands for pointers.
#[inline]
pub const fn is_without_pointers(token: usize) -> bool {
    token != 1 && token >> (usize::BITS - 1) == 0
}

/// `n` bytes for a type without pointers, aligned to `align`, a power of two; null if there is no memory.
pub fn serve(operation: Operation, n: usize, align: usize, zero: bool) -> *mut u8 {
    let Some(handle) = heap_of(statics::home() % ARENAS_MAX) else { return core::ptr::null_mut() };
    compartments::serve(operation, handle, n, align, zero)
}

fn heap_of(home: usize) -> Option<usize> {
    match HEAPS[home].load(Acquire) {
        0 => make(home),
        handle => Some(handle),
    }
}

#[cold]
#[inline(never)]
fn make(home: usize) -> Option<usize> {
    start::ensure();
    let made = heap::make(&Options { name: b"without pointers", ..Options::DEFAULT })?;
    match HEAPS[home].compare_exchange(0, made.0, AcqRel, Acquire) {
        Ok(_) => Some(made.0),
        Err(first) => {
            heap::destroy(made);
            Some(first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_without_pointers;

    #[test]
    fn the_lower_half_has_no_pointers() {
        let half = 1 << (usize::BITS - 1);
        assert!(is_without_pointers(0) && is_without_pointers(2) && is_without_pointers(half - 1));
        assert!(!is_without_pointers(1) && !is_without_pointers(half) && !is_without_pointers(usize::MAX));
    }
}
