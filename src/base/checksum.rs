//! Checksummed words. Each word that metes keeps in memory a program can overwrite carries a checksum.
//!
//! ```text
//!      63              BITS                0
//!     +-----------------+------------------+
//!     | check           | low: the content |      check = top bits of (low ^ mix(address, secret)) * ODD
//!     +-----------------+------------------+
//! ```
//!
//! The check covers the content, the word's own address and a secret of the process. So a word that is
//! copied elsewhere or made up does not pass, except for one in `2^(64 - BITS)`. *Every* flip of a
//! single bit is noticed. A flip in the check fails the comparison. A flip of content bit `i` moves the
//! product by `2^i * ODD`, which reaches the check bits for every `i` (asserted below at compile time).

use super::config::CHECKED;
use super::read_only;
use core::sync::atomic::Ordering;

/// The multiplier of the content.
pub const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
/// The multiplier of the address.
pub const ADDRESS_ODD: u64 = 0xd6e8_feb8_6659_fd93;

/// The widest content in use: a link (see `heap::block`).
const WIDEST: u32 = 44;

const _: () = {
    let mut bit = 0;
    while bit < WIDEST {
        let step = ODD << bit;
        let reach = if step >> 63 == 1 { step.wrapping_neg() } else { step };
        assert!(reach >> WIDEST != 0);
        bit += 1;
    }
};

/// Sets the process secret, unless it is set already. Must run before the first word gets its checksum.
/// Zero means unset.
pub fn set_secret(secret: u64) {
    // If the secret is set already, another thread or the code that a signal interrupted was first.
    // Words may carry checksums made with that secret.
    let _ = read_only::secret().compare_exchange(0, secret.max(1), Ordering::Relaxed, Ordering::Relaxed);
}

/// The process secret: 64 bits that are unknown outside the process.
#[inline]
pub fn secret() -> u64 {
    read_only::secret().load(Ordering::Relaxed)
}

#[inline]
fn checksum<const BITS: u32>(address: usize, low: u64) -> u64 {
    if !CHECKED {
        // Not zero, because a word of zero means memory that was given back.
        return 1 << 63;
    }
    // The width goes in as well: a stale word of one kind must not pass as a word of another kind.
    let place = (address as u64 ^ secret()).wrapping_mul(ADDRESS_ODD).rotate_left(BITS);
    ((low ^ place).wrapping_mul(ODD) >> BITS) << BITS
}

/// The checksummed word for the content `low` (at most `BITS` bits wide) at `address`.
#[inline]
pub fn attach<const BITS: u32>(address: usize, low: u64) -> u64 {
    debug_assert!(BITS <= WIDEST && low >> BITS == 0);
    low | checksum::<BITS>(address, low)
}

/// The content of the checksummed word at `address`, or `None` if its checksum does not fit that address.
#[inline]
pub fn verify<const BITS: u32>(address: usize, word: u64) -> Option<u64> {
    let low = word & ((1 << BITS) - 1);
    if word ^ low == checksum::<BITS>(address, low) { Some(low) } else { None }
}

/// How far up an offset is mixed into a checksum: above the size in a header, so that no two words differ in both
/// alike.
const OFFSET_SHIFT: u32 = 27;

/// All of the product whose upper bits are the checksum: an offset is no secret, and it is small, so one
/// multiplication mixes all.
#[inline(always)]
fn product_with<const BITS: u32>(secret: u64, offset: usize, low: u64) -> u64 {
    if !CHECKED {
        return 1 << 63;
    }
    let place = (offset as u64) << OFFSET_SHIFT ^ secret.rotate_left(BITS);
    (low ^ place).wrapping_mul(ODD)
}

/// The word that says `low` at an offset of a buffer that has a secret of its own: it passes wherever the buffer is.
#[inline(always)]
pub fn attach_with<const BITS: u32>(secret: u64, offset: usize, low: u64) -> u64 {
    debug_assert!(BITS <= WIDEST && low >> BITS == 0);
    low | product_with::<BITS>(secret, offset, low) >> BITS << BITS
}

/// What the word at an offset of such a buffer says, or `None` if it was not given its checksum for that place.
#[inline(always)]
pub fn verify_with<const BITS: u32>(secret: u64, offset: usize, word: u64) -> Option<u64> {
    let low = word & ((1 << BITS) - 1);
    if (word ^ product_with::<BITS>(secret, offset, low)) >> BITS == 0 { Some(low) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn every_flip_is_noticed<const BITS: u32>(address: usize, content: u64) {
        let low = content & ((1 << BITS) - 1);
        let word = attach::<BITS>(address, low);
        assert_eq!(verify::<BITS>(address, word), Some(low));
        for bit in 0..64 {
            assert_eq!(verify::<BITS>(address, word ^ (1 << bit)), None, "bit {bit} of {word:#x}");
        }
    }

    proptest! {
        #[test]
        fn no_single_flip_passes(address in any::<usize>(), content in any::<u64>()) {
            every_flip_is_noticed::<36>(address, content);
            every_flip_is_noticed::<38>(address, content);
            every_flip_is_noticed::<44>(address, content);
        }

        #[test]
        fn no_single_flip_passes_in_a_buffer(secret in any::<u64>(), offset in 0..1usize << 36, content in any::<u64>()) {
            let low = content & ((1 << 34) - 1);
            let word = attach_with::<34>(secret, offset, low);
            assert_eq!(verify_with::<34>(secret, offset, word), Some(low));
            for bit in 0..64 {
                assert_eq!(verify_with::<34>(secret, offset, word ^ (1 << bit)), None, "bit {bit} of {word:#x}");
            }
        }

        #[test]
        fn a_word_of_a_buffer_passes_at_its_offset_alone(secret in any::<u64>(), offset in 0..1usize << 32, low in 0..1u64 << 32) {
            let (header, link) = (attach_with::<36>(secret, offset, low), attach_with::<34>(secret, offset, low));
            for step in (8..40_000).step_by(8) {
                assert_eq!(verify_with::<36>(secret, offset + step, header), None);
                assert_eq!(verify_with::<34>(secret, offset + step, link), None);
            }
            assert_eq!(verify_with::<36>(secret, offset, link), None);
            assert_eq!(verify_with::<34>(secret, offset, header), None);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn a_word_of_one_width_does_not_pass_for_another() {
        let at = |k: usize| 0x7f00_0000_1008 + 16 * k;
        for low in [0, 7, 1 << 32 | 7, 3 << 32 | 100] {
            let header = |k, word| verify::<36>(at(k), word).is_some();
            assert_eq!((1..100_000).filter(|&k| header(k, attach::<38>(at(k), low))).count(), 0);
            assert_eq!((1..100_000).filter(|&k| header(k, attach::<44>(at(k), low))).count(), 0);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn a_word_moved_elsewhere_does_not_pass() {
        let passed = (1..100_000usize)
            .filter(|k| verify::<36>(0x7f00_0000_1008 + 16 * k, attach::<36>(0x7f00_0000_1008, 7)).is_some())
            .count();
        assert_eq!(passed, 0);
    }
}
