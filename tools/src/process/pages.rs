//! Which pages of a process are resident: /proc/PID/pagemap, a word for each page.

use super::Process;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// How many words are read at a time.
const AT_ONCE: usize = 16 << 10;

/// Reads the page map of a process.
pub struct PageMap {
    file: File,
    page: u64,
}

/// Which pages of a range are resident. Counts are by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residency {
    start: u64,
    page: u64,
    /// For each page, how many pages before it are resident; one more at the end.
    before: Vec<u32>,
    /// Bytes in swap.
    pub swapped: u64,
}

impl PageMap {
    /// The page map of a process.
    pub fn open(process: &Process, page: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(format!("/proc/{}/pagemap", process.pid()))?, page })
    }

    /// What is resident of a range, whose ends are rounded to whole pages outwards.
    pub fn residency(&self, start: u64, len: u64) -> io::Result<Residency> {
        let (first, last) = (start / self.page, (start + len).div_ceil(self.page));
        let mut words = vec![0; AT_ONCE * 8];
        let (mut before, mut swapped, mut at) = (vec![0], 0, first);
        while at < last {
            let count = ((last - at) as usize).min(AT_ONCE);
            let n = self.file.read_at(&mut words[..count * 8], at * 8)?;
            if n < 8 {
                break;
            }
            for word in words[..n].chunks_exact(8) {
                let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
                let so_far = before.last().copied().unwrap_or(0);
                before.push(so_far + u32::from(word & PRESENT != 0));
                swapped += if word & SWAPPED != 0 { self.page } else { 0 };
            }
            at += n as u64 / 8;
        }
        Ok(Residency { start: first * self.page, page: self.page, before, swapped })
    }
}

impl Residency {
    /// All pages of a range, for where the kernel does not say.
    pub fn all(start: u64, len: u64, page: u64) -> Self {
        let (first, last) = (start / page, (start + len).div_ceil(page));
        #[expect(clippy::cast_possible_truncation, reason = "fewer pages than 2^32")]
        let before = (0..=(last - first) as u32).collect();
        Self { start: first * page, page, before, swapped: 0 }
    }

    /// How many bytes of `start..end` are on resident pages. What is outside of the range does not count.
    pub fn bytes(&self, start: u64, end: u64) -> u64 {
        self.up_to(end).saturating_sub(self.up_to(start))
    }

    /// The address after the last page.
    fn end(&self) -> u64 {
        self.start + (self.before.len() as u64).saturating_sub(1) * self.page
    }

    /// How many resident bytes there are before an address.
    fn up_to(&self, address: u64) -> u64 {
        let offset = address.saturating_sub(self.start);
        let (pages, rest) = ((offset / self.page) as usize, offset % self.page);
        match (self.before.get(pages), self.before.get(pages + 1)) {
            (Some(&before), Some(&after)) => u64::from(before) * self.page + u64::from(after - before) * rest,
            _ => u64::from(self.before.last().copied().unwrap_or(0)) * self.page,
        }
    }
}

/// What is resident of several ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residencies {
    /// By address.
    ranges: Vec<Residency>,
}

impl Residencies {
    /// Of ranges that do not overlap.
    pub fn of(mut ranges: Vec<Residency>) -> Self {
        ranges.sort_unstable_by_key(|range| range.start);
        Self { ranges }
    }

    /// How many bytes of `start..end` are on resident pages. What is in none of the ranges does not count.
    pub fn bytes(&self, start: u64, end: u64) -> u64 {
        let first = self.ranges.partition_point(|range| range.end() <= start);
        self.ranges[first..].iter().take_while(|range| range.start < end).map(|range| range.bytes(start, end)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_on_resident_pages_are_counted() {
        // Pages 0 and 2 of three are resident.
        let some = Residency { start: 0x1000, page: 0x1000, before: vec![0, 1, 1, 2], swapped: 0 };
        assert_eq!(some.bytes(0x1000, 0x4000), 0x2000);
        assert_eq!(some.bytes(0x1800, 0x2800), 0x800);
        assert_eq!(some.bytes(0x2000, 0x3000), 0);
        assert_eq!(some.bytes(0x3001, 0x3011), 0x10);
        assert_eq!(some.bytes(0, 0x9000), 0x2000);
        let two = Residencies::of(vec![Residency::all(0x9000, 0x1000, 0x1000), some]);
        assert_eq!((two.bytes(0x3800, 0x9800), two.bytes(0, u64::MAX), two.bytes(0x5000, 0x6000)), (0x1000, 0x3000, 0));
        assert_eq!(Residency::all(0x1000, 0x2800, 0x1000).bytes(0x1000, 0x3800), 0x2800);
    }

    #[test]
    fn what_this_process_has_touched_is_resident() {
        let page = 4096;
        let me = Process::open(std::process::id()).unwrap();
        let pages = vec![1_u8; 64 * page];
        let start = (pages.as_ptr().addr().next_multiple_of(page)) as u64;
        let residency = PageMap::open(&me, page as u64).unwrap().residency(start, 63 * page as u64).unwrap();
        assert_eq!(residency.bytes(start, start + 63 * page as u64), 63 * page as u64);
    }
}
