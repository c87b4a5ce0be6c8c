//! Numbers of one to ten bytes, seven bits in each, the lowest first.

/// Adds a number.
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the lowest bits")]
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "seven bits are left")]
    out.push(number as u8);
}

/// Takes a number from the front. `None` if it ends too soon, or is none.
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return (shift < 63 || byte < 2).then_some(number);
        }
    }
    None
}

/// A difference as a number: small ones of either sign are small.
pub fn folded(difference: i64) -> u64 {
    (difference << 1 ^ difference >> 63).cast_unsigned()
}

/// What `folded` was given.
pub fn unfolded(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut out = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX];
        numbers.iter().for_each(|&number| put(&mut out, number));
        let mut bytes = &out[..];
        assert!(numbers.iter().all(|&number| take(&mut bytes) == Some(number)) && bytes.is_empty());
        assert_eq!(take(&mut bytes), None);
        assert_eq!(take(&mut &[0x80; 9][..]), None);
        assert_eq!(take(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2][..]), None);
    }

    #[test]
    fn differences_come_back() {
        for difference in [0, 1, -1, 64, -64, i64::MAX, i64::MIN] {
            assert_eq!(unfolded(folded(difference)), difference);
        }
        assert!(folded(-64) < 128 && folded(63) < 128);
    }
}
