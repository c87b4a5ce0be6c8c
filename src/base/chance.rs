//! The numbers of sampling: exponential distances, and the weight of a sample.
//!
//! Each byte that is allocated is sampled with the same chance, 1 in `rate`, and a block is a sample if one of its bytes
//! is. So a block of `n` bytes is one with the chance `1 - exp(-n / rate)`, and stands for the inverse of that many.

/// Fractions of weights: this is 1.
pub const ONE: u64 = 1 << 16;

/// A distance in bytes to the next sample: exponentially distributed with the mean `rate`. `random` is evenly
/// distributed over all numbers of 64 bits.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "chances")]
pub fn distance(rate: usize, random: u64) -> usize {
    (minus_ln(random) * rate as f64) as usize
}

/// How many blocks of `n` bytes a sample of one stands for, times `ONE`.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "chances")]
pub fn weight(n: usize, rate: usize) -> u64 {
    let chance = 1.0 - exp_minus(n.max(1) as f64 / rate.max(1) as f64);
    (ONE as f64 / chance) as u64
}

/// The negative natural logarithm of a random number above 0 and up to 1.
fn minus_ln(random: u64) -> f64 {
    const BITS: u32 = 24;
    const LN_2: f64 = core::f64::consts::LN_2;
    let random = random | 1;
    // random / 2^64 = mantissa * 2^-(zeros + 1), with a mantissa from 1 to 2.
    let zeros = random.leading_zeros();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are enough")]
    let mut mantissa = (random << zeros) as f64 / (1_u64 << 63) as f64;
    let (mut log2, mut bit) = (0.0, 0.5);
    for _ in 0..BITS {
        mantissa *= mantissa;
        if mantissa >= 2.0 {
            mantissa /= 2.0;
            log2 += bit;
        }
        bit /= 2.0;
    }
    (f64::from(zeros + 1) - log2) * LN_2
}

/// `exp(-x)` for an `x` from 0 on.
fn exp_minus(x: f64) -> f64 {
    if x > 40.0 {
        return 0.0;
    }
    // exp(-x) = exp(-x / 2^halvings)^(2^halvings)
    let (mut small, mut halvings) = (x, 0);
    while small > 0.03 {
        small /= 2.0;
        halvings += 1;
    }
    let mut result =
        1.0 - small * (1.0 - small / 2.0 * (1.0 - small / 3.0 * (1.0 - small / 4.0 * (1.0 - small / 5.0))));
    for _ in 0..halvings {
        result *= result;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "compared with a margin")]
    fn logarithm_and_weight_are_those_of_the_library() {
        for random in [1, 2, 3, 1 << 20, u64::MAX / 3, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            let exact = -((random | 1) as f64 / 2_f64.powi(64)).ln();
            assert!((minus_ln(random) - exact).abs() < 1e-6, "{random}: {} {exact}", minus_ln(random));
        }
        for (n, rate) in [(1, 512 << 10), (16, 512 << 10), (5000, 4096), (4096, 4096), (1 << 20, 4096), (16, 16)] {
            let exact = 65536.0 / -(-(n as f64) / rate as f64).exp_m1();
            assert!((weight(n, rate) as f64 / exact - 1.0).abs() < 1e-4, "{n} {rate}: {} {exact}", weight(n, rate));
        }
        assert_eq!(weight(usize::MAX >> 20, 64), ONE);
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "compared with a margin")]
    fn distances_have_the_mean_that_they_should() {
        // Numbers that are evenly spread.
        let count = 100_000;
        let sum: usize = (1..=count).map(|k| distance(1 << 20, k * (u64::MAX / (count + 1)))).sum();
        let mean = sum as f64 / count as f64;
        assert!((mean / f64::from(1 << 20) - 1.0).abs() < 1e-3, "{mean}");
    }
}
