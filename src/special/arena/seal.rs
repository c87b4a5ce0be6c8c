//! Checksums over an arena's own words, which stand beside what the program writes to.

use crate::base::checksum;
use crate::base::code::Code;
use crate::trace::report;

const BITS: u32 = 44;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn fold(words: &[usize]) -> u64 {
    // Products that do not wait for each other. Each word has another factor, so two that changed places are noticed,
    // too.
    let term = |(word, factor): (&usize, u64)| (*word as u64).wrapping_mul(ODD.wrapping_mul(factor));
    words.iter().zip((1..).step_by(2)).map(term).fold(0, u64::wrapping_add) >> (64 - BITS)
}

/// The word that says that `words` stand at `address`.
#[inline(always)]
pub fn of(address: usize, words: &[usize]) -> u64 {
    checksum::attach::<BITS>(address, fold(words))
}

/// Whether `seal` says that of them.
#[inline(always)]
pub fn holds(seal: u64, address: usize, words: &[usize]) -> bool {
    checksum::verify::<BITS>(address, seal) == Some(fold(words))
}

/// Ends the process: what stands at `address` is not what the arena wrote there.
#[cold]
#[inline(never)]
pub fn broken(address: usize) -> ! {
    report::misuse(
        Code::HeaderOverwritten,
        address,
        format_args!("arena: its own words at {address:#x} were overwritten"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flip_of_a_bit_passes() {
        checksum::set_secret(7);
        let words = [0x7f00_0000_1000, 0, 4096, 17];
        let seal = of(0x7f00_0000_2000, &words);
        assert!(holds(seal, 0x7f00_0000_2000, &words));
        assert!(!holds(seal, 0x7f00_0000_2010, &words));
        for (word, bit) in (0..words.len()).flat_map(|word| (0..64).map(move |bit| (word, bit))) {
            let mut flipped = words;
            flipped[word] ^= 1 << bit;
            assert!(!holds(seal, 0x7f00_0000_2000, &flipped), "bit {bit} of word {word}");
        }
    }
}
