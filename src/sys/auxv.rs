//! The auxiliary vector, which the kernel gives a program at its start, after its arguments and its environment.
//!
//! ```text
//!     | argc | argv ... | 0 | environment ... | 0 | key, value | key, value | ... | 0, 0 |
//!     ^ __libc_stack_end
//! ```
//!
//! It is read in place: `getauxval` may be another library's, and the first allocation needs the page
//! size already. The loader exports a word that says where these words start, and sets it before it
//! does anything else. The vector is not looked for after `environ`, because programs move that. If the
//! word is missing (another libc) or leads to nothing of the kind, the libc is asked.

#![allow(unsafe_code)]

use super::linked::linked_address;
use crate::base::pointer;
use core::ffi::c_ulong;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// The address of the vector, or one of the two constants below.
static PLACE: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = 0;
const NOWHERE: usize = 1;

/// More words than the kernel accepts arguments and variables.
const WORDS_MOST: usize = 1 << 24;
/// More pairs than the kernel has keys.
const PAIRS_MOST: usize = 256;

/// The value of a key, if the vector has it and it is not zero.
pub fn get(key: c_ulong) -> Option<usize> {
    if cfg!(miri) {
        // Miri's programs have no vector.
        return None;
    }
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
/// The vector is at `place`.
unsafe fn value(place: usize, key: usize) -> usize {
    let pairs = pointer::at::<[usize; 2]>(place);
    // SAFETY: the caller's promise covers the pairs up to the one whose key is zero.
    let pairs = (0..PAIRS_MOST).map(|index| unsafe { pairs.add(index).read() }).take_while(|pair| pair[0] != 0);
    pairs.into_iter().find(|pair| pair[0] == key).map_or(0, |pair| pair[1])
}

fn find() -> Option<usize> {
    let end = stack_end();
    if end == 0 || !end.is_multiple_of(align_of::<usize>()) {
        return None;
    }
    let words = pointer::at::<usize>(end);
    // SAFETY: the loader says that the kernel's words start there. A zero ends the arguments, and
    // another the environment.
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

/// The value of `__libc_stack_end`, or 0 if there is none.
fn stack_end() -> usize {
    let place = if cfg!(target_env = "gnu") { linked_address!("__libc_stack_end") } else { 0 };
    // SAFETY: the loader sets the libc's word before all else.
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
        // SAFETY: the array has as many pairs as are ever read.
        assert_eq!(unsafe { (value(place, 7), value(place, 8)) }, (7, 0));
    }
}
