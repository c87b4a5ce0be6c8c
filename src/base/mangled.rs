//! Mangled addresses: words in writable memory that say which function is called next.

#![allow(unsafe_code)]

use super::checksum::{ADDRESS_ODD, ODD, secret};
use super::config::ADDRESS_BITS;
use super::pointer;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering};

/// The inverse of `ODD`: five steps of Newton's method, each of which doubles the number of correct bits.
const ODD_INVERSE: u64 = {
    let (mut inverse, mut step) = (ODD, 0);
    while step < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(ODD.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
};

// Flipping one bit of a mangled address never yields another address. The flip moves the product by a
// power of two times the inverse, which reaches the bits that are zero in each address.
const _: () = {
    assert!(ODD.wrapping_mul(ODD_INVERSE) == 1);
    let mut bit = 0;
    while bit < 64 {
        let step = ODD_INVERSE << bit;
        let reach = if step >> 63 == 1 { step.wrapping_neg() } else { step };
        assert!(reach >> ADDRESS_BITS != 0);
        bit += 1;
    }
};

/// An address in writable memory, mangled: mixed with the word's own address and the secret. An attacker
/// who overwrites the word without knowing the secret does not choose where it leads. Zero is no address.
pub struct MangledAddress(AtomicU64);

/// The word does not hold a mangled address: it was overwritten.
#[derive(PartialEq, Eq, Debug)]
pub struct Overwritten;

impl MangledAddress {
    /// No address.
    pub const fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    fn key(&self) -> u64 {
        ((&raw const self.0).addr() as u64 ^ secret()).wrapping_mul(ADDRESS_ODD)
    }

    fn mangle(&self, address: usize) -> u64 {
        if address == 0 { 0 } else { (address as u64 ^ self.key()).wrapping_mul(ODD).rotate_left(32) }
    }

    fn demangle(&self, word: u64) -> Result<usize, Overwritten> {
        if word == 0 {
            return Ok(0);
        }
        let address = word.rotate_right(32).wrapping_mul(ODD_INVERSE) ^ self.key();
        usize::try_from(address).ok().filter(|address| address >> ADDRESS_BITS == 0).ok_or(Overwritten)
    }

    /// The address.
    pub fn get(&self) -> Result<usize, Overwritten> {
        self.demangle(self.0.load(Ordering::Acquire))
    }

    /// Stores another address, and returns the previous one. The secret must be set before.
    pub fn swap(&self, address: usize) -> Result<usize, Overwritten> {
        self.demangle(self.0.swap(self.mangle(address), Ordering::AcqRel))
    }
}

/// A function pointer of metes, mangled. A higher layer hands it in. `F` is its type.
pub struct MangledFn<F>(MangledAddress, PhantomData<F>);

impl<F: Copy> MangledFn<F> {
    /// No function.
    pub const fn none() -> Self {
        const { assert!(size_of::<Option<F>>() == size_of::<usize>(), "a function pointer") };
        Self(MangledAddress::none(), PhantomData)
    }

    fn function(address: usize) -> Option<F> {
        // SAFETY: `swap` took the address from an `Option<F>` of the same size, in which no function is null.
        unsafe { core::mem::transmute_copy(&pointer::at::<()>(address)) }
    }

    /// The function, if there is one.
    pub fn get(&self) -> Result<Option<F>, Overwritten> {
        self.0.get().map(Self::function)
    }

    /// Stores another function or none, and returns the previous one. The secret must be set before.
    pub fn swap(&self, new: Option<F>) -> Result<Option<F>, Overwritten> {
        // SAFETY: a function pointer or null.
        let address: *const () = unsafe { core::mem::transmute_copy(&new) };
        self.0.swap(pointer::expose(address)).map(Self::function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mangled_address_comes_back_and_no_flip_of_it_is_one() {
        static WORD: MangledAddress = MangledAddress::none();
        assert_eq!(WORD.get(), Ok(0));
        for address in [1, 0x5555_5555_4321, (1 << ADDRESS_BITS) - 1] {
            assert!(WORD.swap(address).is_ok());
            assert_eq!(WORD.get(), Ok(address));
            for bit in 0..64 {
                WORD.0.fetch_xor(1 << bit, Ordering::Relaxed);
                assert_eq!(WORD.get(), Err(Overwritten), "bit {bit}");
                WORD.0.fetch_xor(1 << bit, Ordering::Relaxed);
            }
        }
        assert_eq!((WORD.swap(0), WORD.get()), (Ok((1 << ADDRESS_BITS) - 1), Ok(0)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "safe code over a great many numbers")]
    fn hardly_anything_made_up_is_a_mangled_address() {
        let word = MangledAddress::none();
        let mut made_up = ODD;
        let passed = (0..1_000_000).filter(|_| {
            made_up = made_up.wrapping_mul(ADDRESS_ODD).wrapping_add(1);
            word.demangle(made_up).is_ok()
        });
        assert!(passed.count() < 40, "one in 2^{} should", 64 - ADDRESS_BITS);
    }

    #[test]
    fn a_function_comes_back() {
        fn seven() -> i32 {
            7
        }
        static FUNCTION: MangledFn<fn() -> i32> = MangledFn::none();
        assert_eq!(FUNCTION.get(), Ok(None));
        assert_eq!(FUNCTION.swap(Some(seven)), Ok(None));
        assert_eq!(FUNCTION.get().unwrap().unwrap()(), 7);
        assert!(FUNCTION.swap(None).unwrap().is_some() && FUNCTION.get() == Ok(None));
    }
}
