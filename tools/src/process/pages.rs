//! Which pages of a process are resident: runs of pages, asked of the kernel in one go where it can
//! (`scan`), else read from /proc/PID/pagemap, a word for each page.

pub use super::runs::Run;
use super::scan;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// How many words are read at a time.
const AT_ONCE: usize = 16 << 10;

/// The page map of a process.
pub struct PageMap {
    file: File,
    page: u64,
    /// Whether the kernel does not know the quick way.
    by_words: AtomicBool,
}

impl PageMap {
    /// Of the process with this number.
    pub fn open(pid: u32, page: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(format!("/proc/{pid}/pagemap"))?, page, by_words: AtomicBool::new(false) })
    }

    /// The runs of a range, whose ends are rounded to whole pages outwards.
    pub fn runs(&self, start: u64, end: u64) -> io::Result<Vec<Run>> {
        let (start, end) = (start / self.page * self.page, end.next_multiple_of(self.page));
        let mut runs = Vec::new();
        if !self.by_words.load(Ordering::Relaxed) {
            match scan::scan(&self.file, start, end, &mut runs) {
                Ok(()) => return Ok(runs),
                Err(_) => self.by_words.store(true, Ordering::Relaxed),
            }
            runs.clear();
        }
        self.read_words(start, end, &mut runs).map(|()| runs)
    }

    fn read_words(&self, start: u64, end: u64, runs: &mut Vec<Run>) -> io::Result<()> {
        let (mut at, last) = (start / self.page, end / self.page);
        let mut words = vec![0; AT_ONCE.min((last - at) as usize) * 8];
        while at < last {
            let count = ((last - at) as usize).min(AT_ONCE);
            let n = self.file.read_at(&mut words[..count * 8], at * 8)?;
            if n < 8 {
                break;
            }
            for (index, word) in words[..n].chunks_exact(8).enumerate() {
                let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
                if word & (PRESENT | SWAPPED) == 0 {
                    continue;
                }
                let (from, swapped) = ((at + index as u64) * self.page, word & PRESENT == 0);
                match runs.last_mut() {
                    Some(run) if run.end == from && run.swapped == swapped => run.end += self.page,
                    _ => runs.push(Run::new(from, from + self.page, false, swapped)),
                }
            }
            at += n as u64 / 8;
        }
        Ok(())
    }
}

/// What is resident of several ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residencies {
    /// By address.
    runs: Vec<Run>,
}

impl Residencies {
    /// Of runs that do not overlap.
    pub fn of(mut runs: Vec<Run>) -> Self {
        runs.sort_unstable_by_key(|run| run.start);
        let mut before = 0;
        for run in &mut runs {
            run.before = before;
            before += run.resident();
        }
        Self { runs }
    }

    /// How many bytes of `start..end` are on resident pages.
    pub fn bytes(&self, start: u64, end: u64) -> u64 {
        self.up_to(end).saturating_sub(self.up_to(start))
    }

    /// How many bytes of `start..end` are on huge pages.
    pub fn huge(&self, start: u64, end: u64) -> u64 {
        self.inside(start, end).filter(|run| run.huge && !run.swapped).map(|run| run.end - run.start).sum()
    }

    /// The runs in `start..end`, cut off at these ends.
    pub fn inside(&self, start: u64, end: u64) -> impl Iterator<Item = Run> + '_ {
        let first = self.runs.partition_point(|run| run.end <= start);
        let inside = self.runs[first..].iter().take_while(move |run| run.start < end);
        inside.map(move |run| Run { start: run.start.max(start), end: run.end.min(end), ..*run })
    }

    /// How many resident bytes there are before an address.
    fn up_to(&self, address: u64) -> u64 {
        let behind = self.runs.partition_point(|run| run.start < address);
        let Some(run) = behind.checked_sub(1).and_then(|last| self.runs.get(last)) else { return 0 };
        run.before + if run.swapped { 0 } else { address.min(run.end) - run.start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_on_resident_pages_are_counted() {
        let runs = vec![
            Run::new(0x9000, 0xa000, true, false),
            Run::new(0x1000, 0x2000, false, false),
            Run::new(0x2000, 0x3000, false, true),
            Run::new(0x3000, 0x4000, false, false),
        ];
        let some = Residencies::of(runs);
        assert_eq!(some.bytes(0x1000, 0x4000), 0x2000);
        assert_eq!(some.bytes(0x1800, 0x2800), 0x800);
        assert_eq!(some.bytes(0x2000, 0x3000), 0);
        assert_eq!(some.bytes(0x3001, 0x3011), 0x10);
        assert_eq!(
            (some.bytes(0x3800, 0x9800), some.bytes(0, u64::MAX), some.bytes(0x5000, 0x6000)),
            (0x1000, 0x3000, 0)
        );
        assert_eq!((some.huge(0, 0x9800), some.huge(0, 0x9000)), (0x800, 0));
        let inside: Vec<_> = some.inside(0x1800, 0x3001).map(|run| (run.start, run.end)).collect();
        assert_eq!(inside, [(0x1800, 0x2000), (0x2000, 0x3000), (0x3000, 0x3001)]);
    }

    #[test]
    fn both_ways_say_what_this_process_has_touched() {
        let page = 4096;
        let map = PageMap::open(std::process::id(), page as u64).unwrap();
        let bytes = 64 * page;
        // SAFETY: new memory, which nothing else uses.
        #[expect(unsafe_code, reason = "pages that no allocator has touched")]
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            [3, 4, 60].iter().for_each(|index| start.cast::<u8>().add(index * page).write(1));
            start.addr() as u64
        };
        let mut by_words = Vec::new();
        map.read_words(start, start + bytes as u64, &mut by_words).unwrap();
        let runs = map.runs(start, start + bytes as u64).unwrap();
        let places = |runs: &[Run]| {
            runs.iter().map(|run| (run.start - start) / 4096..(run.end - start) / 4096).collect::<Vec<_>>()
        };
        assert_eq!((places(&runs), places(&by_words)), (vec![3..5, 60..61], vec![3..5, 60..61]));
    }
}
