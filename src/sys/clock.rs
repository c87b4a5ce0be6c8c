//! The processor's counter: a clock that takes a few nanoseconds to read.

#![allow(unsafe_code)]

/// `ticks` counts so many powers of two of the counter.
pub const SHIFT: u32 = if cfg!(target_arch = "x86_64") { 6 } else { 4 };

/// The counter, in units of `2^SHIFT`: some 20 nanoseconds on x86_64. All processors of a machine have the same.
#[inline]
pub fn ticks() -> u64 {
    counter() >> SHIFT
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
fn counter() -> u64 {
    // SAFETY: each processor of this architecture has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline]
fn counter() -> u64 {
    let value: u64;
    // SAFETY: reads the counter, which Linux lets programs read.
    unsafe { core::arch::asm!("mrs {value}, cntvct_el0", value = out(reg) value, options(nostack, nomem)) };
    value
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn counter() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC)
}

/// A clock of the system in nanoseconds.
pub fn nanoseconds(clock: libc::c_int) -> u64 {
    let time = super::vdso::time(clock);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
