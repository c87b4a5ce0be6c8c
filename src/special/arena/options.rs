//! How an arena grows, and how far.

use super::chunk::HEAD;
use crate::base::align;
use crate::base::config::GRAIN;
use crate::trace::report;

/// How an arena grows. Zero is the default of each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Options {
    /// Bytes of the first chunk; 4 KiB by default.
    pub first_chunk: usize,
    /// The most bytes of a chunk, up to which each is twice as large as the one before; 1 MiB by default. What needs
    /// more has a chunk of its own.
    pub max_chunk: usize,
    /// The most bytes of chunks at a time; without a limit by default.
    pub limit: usize,
    /// The most bytes of chunks that stay after a reset, but for one chunk, which always stays; all stay by default.
    pub keep: usize,
}

const FIRST: usize = 4 << 10;
const MAX: usize = 1 << 20;
/// The least of each.
pub const LEAST: usize = 256;
/// The most of chunks.
pub const MOST: usize = 1 << 40;

const _: () = assert!(LEAST >= 4 * HEAD);

impl Options {
    /// The first field that is no good: its name, its value, and what is valid.
    fn wrong(&self) -> Option<(&'static str, usize, &'static str)> {
        let max = if self.max_chunk == 0 { MAX } else { self.max_chunk };
        if !(LEAST..=MOST).contains(&max) {
            Some(("max_chunk", max, "0, and 256 to 1 TiB"))
        } else if self.first_chunk != 0 && !(LEAST..=max).contains(&self.first_chunk) {
            Some(("first_chunk", self.first_chunk, "0, and 256 to max_chunk"))
        } else if self.limit != 0 && self.limit < LEAST {
            Some(("limit", self.limit, "0, and 256 and more"))
        } else {
            None
        }
    }

    /// What they come to, each of them set. `None`, and a line on standard error in the name of `function`, if one is
    /// no good.
    pub fn resolve(self, function: &str) -> Option<Self> {
        if let Some((name, value, valid)) = self.wrong() {
            report::say(format_args!("{function}: {name}={value} is not valid: valid are {valid}"));
            return None;
        }
        let or = |value, default| if value == 0 { default } else { value };
        let max_chunk = align::down(or(self.max_chunk, MAX), GRAIN);
        let first_chunk = align::down(or(self.first_chunk, FIRST), GRAIN).min(max_chunk);
        Some(Self { first_chunk, max_chunk, limit: or(self.limit, usize::MAX), keep: or(self.keep, usize::MAX) })
    }

    /// Bytes of the chunk that comes after one of `size` bytes, 0 for none.
    pub fn step(&self, size: usize) -> usize {
        size.saturating_mul(2).clamp(self.first_chunk, self.max_chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "writes reports")]
    fn zero_is_the_default_and_what_is_no_good_is_refused() {
        let default = Options::default().resolve("f").unwrap();
        assert_eq!((default.first_chunk, default.max_chunk, default.limit), (FIRST, MAX, usize::MAX));
        assert_eq!((default.step(0), default.step(FIRST), default.step(MAX)), (FIRST, 2 * FIRST, MAX));
        let small = Options { max_chunk: 1000, ..Options::default() }.resolve("f").unwrap();
        assert_eq!((small.first_chunk, small.max_chunk), (992, 992));
        for (first_chunk, max_chunk, limit) in [(1, 0, 0), (8192, 4096, 0), (0, 255, 0), (0, MOST + 1, 0), (0, 0, 1)] {
            let wrong = Options { first_chunk, max_chunk, limit, keep: 0 };
            assert!(wrong.resolve("f").is_none(), "{wrong:?}");
        }
    }
}
