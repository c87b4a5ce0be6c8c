//! What stands in a small block of a compartment while it waits in a quick list: the next block of the list, twice, and
//! the second time mixed with a number that only this address has.
//!
//! ```text
//!     first word    the next block, or 0
//!     second word   the next block XOR (address XOR secret) * ODD
//! ```
//!
//! So both words together say that the block waits, which makes freeing it a double free; and a write to either is
//! noticed before the link is followed. A block that is handed out has another second word.

#![allow(unsafe_code)]

use crate::base::checksum::secret;
use crate::base::config::CHECKED;
use crate::base::pointer;

/// 2^64 over the golden ratio: a multiplication mixes all bits of an address into the upper ones.
pub const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

fn words(address: usize) -> *mut [u64; 2] {
    pointer::at_mut(address)
}

#[inline(always)]
fn mixed(address: usize) -> u64 {
    (address as u64 ^ secret()).wrapping_mul(ODD)
}

/// Marks a block as one that waits, before `next`.
///
/// # Safety
/// A block of metes is at the address: 16-aligned, with two words; and it is in use by nobody.
#[inline(always)]
pub unsafe fn set(address: usize, next: usize) {
    // SAFETY: the caller's promise.
    unsafe { words(address).write([next as u64, next as u64 ^ mixed(address)]) };
}

/// The next block of the list; `None` if the block was written to, or does not wait.
///
/// # Safety
/// A block of metes is at the address. If the program writes to it meanwhile, it is in use.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "addresses have 64 bits")]
pub unsafe fn next(address: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let [next, mark] = unsafe { words(address).read() };
    if next ^ mark == mixed(address) || !CHECKED { Some(next as usize) } else { None }
}

/// Whether a block says that it waits.
///
/// # Safety
/// As for `next`.
#[inline(always)]
pub unsafe fn is_set(address: usize) -> bool {
    // SAFETY: the caller's promise.
    CHECKED && unsafe { next(address) }.is_some()
}

/// Clears what says so in a block that is handed out. Else it would be found if the program frees the block without
/// having written to it.
///
/// # Safety
/// As for `set`.
#[inline(always)]
pub unsafe fn clear(address: usize) {
    // SAFETY: the caller's promise.
    unsafe { (&raw mut (*words(address))[1]).write(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_waits_until_it_is_written_to_or_handed_out() {
        let mut block = [[0_u64; 2]; 2];
        let at = |block: &mut [[u64; 2]; 2]| pointer::expose(block.as_mut_ptr());
        let address = at(&mut block);
        // SAFETY: the block is there, and nobody else uses it.
        unsafe {
            assert!(!is_set(address));
            for link in [0, address + 16] {
                set(address, link);
                assert!(is_set(address) && next(address) == Some(link));
                for bit in 0..128 {
                    let word: *mut u64 = pointer::at_mut(address + bit / 64 * 8);
                    *word ^= 1 << (bit % 64);
                    assert!(!is_set(address) && next(address).is_none(), "bit {bit}");
                    *word ^= 1 << (bit % 64);
                }
                // What is right elsewhere is not right here.
                words(address + 16).write(words(address).read());
                assert!(!is_set(address + 16));
                clear(address);
                assert!(!is_set(address));
            }
        }
        assert_eq!(block[0][1], 0);
    }
}
