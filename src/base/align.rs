//! Rounding of sizes and addresses.

/// `n` rounded up to a multiple of `align`, a power of two. `None` on overflow.
#[inline]
pub const fn up_checked(n: usize, align: usize) -> Option<usize> {
    match n.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

/// `n` rounded up to a multiple of `align`, a power of two; `n + align` must not overflow.
#[inline]
pub const fn up(n: usize, align: usize) -> usize {
    debug_assert!(align.is_power_of_two());
    (n + (align - 1)) & !(align - 1)
}

/// `n` rounded down to a multiple of `align`, a power of two.
#[inline]
pub const fn down(n: usize, align: usize) -> usize {
    debug_assert!(align.is_power_of_two());
    n & !(align - 1)
}

/// Whether `n` is a multiple of `align`, a power of two.
#[inline]
pub const fn is(n: usize, align: usize) -> bool {
    n & (align - 1) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_both_ways_and_notices_overflow() {
        assert_eq!((up(0, 16), up(1, 16), up(16, 16), up(17, 16)), (0, 16, 16, 32));
        assert_eq!((down(15, 16), down(16, 16), down(31, 16)), (0, 16, 16));
        assert_eq!(up_checked(usize::MAX - 3, 16), None);
        assert_eq!(up_checked(17, 16), Some(32));
        assert!(is(4096, 4096) && !is(4097, 4096));
    }
}
