//! The auxiliary vector: what the kernel tells a program at its start, behind its arguments and its environment.
//!
//! ```text
//!     | argc | argv ... | 0 | environment ... | 0 | key, value | key, value | ... | 0, 0 |
//!     ^ __libc_stack_end
//! ```
//!
//! It is read in place: `getauxval` may be another library's, and the first to need the page size is the first
//! allocation. The loader says where it is before it does anything else, in a word that it exports; it is not looked
//! for behind `environ`, which programs move. Where the word is not there (another libc) or has nothing of the kind
//! behind it, the libc is asked.

#![allow(unsafe_code)]

use super::linked::linked_address;
use crate::base::pointer;
use core::ffi::c_ulong;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// Where the vector is, or one of the two below.
static PLACE: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = 0;
const NOWHERE: usize = 1;

/// More words than the kernel takes arguments and variables for.
const WORDS_MOST: usize = 1 << 24;
/// More pairs than the kernel has keys.
const PAIRS_MOST: usize = 256;

/// The value of a key, if it is there and not zero.
pub fn get(key: c_ulong) -> Option<usize> {
    let place = match PLACE.load(Relaxed) {
        UNKNOWN => {
            let place = find().unwrap_or(NOWHERE);
            PLACE.store(place, Relaxed);
            place
        }
        place => place,
    };
    let value = if place == NOWHERE {
        // SAFETY: getauxval only reads.
        usize::try_from(unsafe { libc::getauxval(key) }).unwrap_or(0)
    } else {
        // SAFETY: the vector stays where it was found.
        unsafe { value(place, usize::try_from(key).unwrap_or(0)) }
    };
    (value != 0).then_some(value)
}

/// # Safety
/// The vector is there.
unsafe fn value(place: usize, key: usize) -> usize {
    let pairs = pointer::at::<[usize; 2]>(place);
    // SAFETY: the caller's promise: pairs as far as the one whose key is zero.
    let pairs = (0..PAIRS_MOST).map(|index| unsafe { pairs.add(index).read() }).take_while(|pair| pair[0] != 0);
    pairs.into_iter().find(|pair| pair[0] == key).map_or(0, |pair| pair[1])
}

fn find() -> Option<usize> {
    let end = stack_end();
    if end == 0 || !end.is_multiple_of(align_of::<usize>()) {
        return None;
    }
    let words = pointer::at::<usize>(end);
    // SAFETY: the loader says that the kernel's words start there; a zero ends the arguments, and another the environment.
    unsafe {
        let arguments = words.read();
        if arguments >= WORDS_MOST || words.add(1 + arguments).read() != 0 {
            return None;
        }
        let first = 2 + arguments;
        let last = (first..first + WORDS_MOST).find(|&index| words.add(index).read() == 0)?;
        let place = words.add(last + 1).addr();
        let page = value(place, usize::try_from(libc::AT_PAGESZ).ok()?);
        (page.is_power_of_two() && page >= 4096).then_some(place)
    }
}

/// What `__libc_stack_end` says, 0 if there is none.
fn stack_end() -> usize {
    let place = if cfg!(target_env = "gnu") { linked_address!("__libc_stack_end") } else { 0 };
    // SAFETY: the loader set the libc's word before all else.
    if place == 0 { 0 } else { unsafe { pointer::at::<usize>(place).read() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn the_vector_says_what_the_libc_says() {
        assert!(!cfg!(all(target_env = "gnu", target_arch = "x86_64")) || find().is_some());
        let keys =
            [libc::AT_PAGESZ, libc::AT_SECURE, libc::AT_RANDOM, libc::AT_PHDR, libc::AT_PHNUM, libc::AT_SYSINFO_EHDR];
        for key in keys.into_iter().chain([libc::AT_ENTRY, libc::AT_EXECFN, 1000]) {
            // SAFETY: getauxval only reads.
            let expected = usize::try_from(unsafe { libc::getauxval(key) }).unwrap();
            assert_eq!(get(key).unwrap_or(0), expected, "key {key}");
        }
    }

    #[test]
    fn a_vector_without_an_end_is_left() {
        let words = [7usize; 2 * PAIRS_MOST];
        let place = pointer::expose(words.as_ptr());
        // SAFETY: as many pairs are there as are ever looked at.
        assert_eq!(unsafe { (value(place, 7), value(place, 8)) }, (7, 0));
    }
}
