//! A copy of a process's memory, taken while it stands still.

use crate::failure::Failure;
use crate::process::{Memory, Process, page_size};
use std::fs;

/// How much is copied at a time.
const PART: usize = 1 << 20;

/// Parts of memory that follow each other without a gap, and where they are in the copy.
#[derive(Clone, Copy)]
struct Part {
    start: u64,
    end: u64,
    at: usize,
}

/// The copy: pages that were resident or in swap.
#[derive(Default)]
pub struct Image {
    parts: Vec<Part>,
    bytes: Vec<u8>,
    /// How many of these are in use.
    used: usize,
}

/// Memory for a copy of a process, made before the process stands still. A failure if the system has not enough left.
pub fn room(process: &Process) -> Result<Vec<u8>, Failure> {
    /// What may come meanwhile.
    const MORE: u64 = 4 << 20;
    let statm = process.file("statm")?;
    let mut pages = statm.split_whitespace().skip(1).map(|word| word.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    let wanted = resident.saturating_sub(shared) * page_size() + MORE;
    is_left(process, wanted)?;
    // The kernel gives the pages now, as something is written to them. Zeroes would come later, when they are needed.
    Ok(vec![1; wanted as usize])
}

fn is_left(process: &Process, wanted: u64) -> Result<(), Failure> {
    let left = available();
    if wanted <= left / 10 * 9 {
        return Ok(());
    }
    let (wanted, left) = (crate::text::bytes(wanted), crate::text::bytes(left));
    Err(Failure::about(process.pid(), format!("a copy of its memory takes {wanted}, and the system has {left} left")))
}

impl Image {
    /// Copies what ranges have, which are in order and do not overlap, into `room`. A failure if more is needed, and the
    /// system has not so much left.
    pub fn copy(process: &Process, ranges: &[(u64, u64)], room: Vec<u8>) -> Result<Self, Failure> {
        let mut image = Self { bytes: room, ..Self::default() };
        let mut wanted = Vec::new();
        for &(start, end) in ranges {
            match process.resident(start, end) {
                Some(runs) => wanted.extend(runs.iter().map(|run| (run.start.max(start), run.end.min(end)))),
                None => wanted.push((start, end)),
            }
        }
        let all: u64 = wanted.iter().map(|(start, end)| end - start).sum();
        if all > image.bytes.len() as u64 {
            is_left(process, all - image.bytes.len() as u64)?;
            image.bytes.resize(all as usize, 0);
        }
        wanted.iter().for_each(|&(start, end)| image.add(process, start, end));
        Ok(image)
    }

    fn add(&mut self, process: &Process, start: u64, end: u64) {
        let mut at = start;
        while at < end {
            let part_end = end.min((at + 1).next_multiple_of(PART as u64));
            if !self.add_part(process, at, part_end) {
                // Pages of devices cannot be read.
                let page = page_size();
                let mut one = at;
                while one < part_end {
                    let next = part_end.min((one + 1).next_multiple_of(page));
                    self.add_part(process, one, next);
                    one = next;
                }
            }
            at = part_end;
        }
    }

    fn add_part(&mut self, process: &Process, start: u64, end: u64) -> bool {
        let (at, len) = (self.used, (end - start) as usize);
        if !process.read(start, &mut self.bytes[at..at + len]) {
            return false;
        }
        self.used += len;
        match self.parts.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.parts.push(Part { start, end, at }),
        }
        true
    }

    /// Calls `f` with the pieces of `start..end` that there are.
    pub fn pieces(&self, start: u64, end: u64, mut f: impl FnMut(u64, &[u8])) {
        let first = self.parts.partition_point(|part| part.end <= start);
        for part in self.parts[first..].iter().take_while(|part| part.start < end) {
            let (from, to) = (part.start.max(start), part.end.min(end));
            let at = part.at + (from - part.start) as usize;
            f(from, &self.bytes[at..at + (to - from) as usize]);
        }
    }

    /// Calls `f` with each whole word of `start..end`, which begins at a multiple of eight.
    pub fn words(&self, start: u64, end: u64, mut f: impl FnMut(u64)) {
        let start = start.next_multiple_of(8);
        self.pieces(start, end, |_, bytes| {
            bytes.chunks_exact(8).for_each(|word| f(u64::from_le_bytes(word.try_into().unwrap_or_default())));
        });
    }

    /// The word at an address.
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.read(address, &mut word).then(|| u64::from_le_bytes(word))
    }

    /// How many bytes it has of a range.
    pub fn len(&self, start: u64, end: u64) -> u64 {
        let mut sum = 0;
        self.pieces(start, end, |_, bytes| sum += bytes.len() as u64);
        sum
    }

    /// One that no process has had.
    #[cfg(test)]
    pub fn made_up(parts: &[(u64, &[u64])]) -> Self {
        let mut image = Self::default();
        for &(start, words) in parts {
            image.parts.push(Part { start, end: start + 8 * words.len() as u64, at: image.bytes.len() });
            words.iter().for_each(|word| image.bytes.extend_from_slice(&word.to_le_bytes()));
        }
        image
    }
}

impl Memory for Image {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let mut done = 0;
        self.pieces(address, address + into.len() as u64, |from, bytes| {
            if from == address + done as u64 {
                into[done..done + bytes.len()].copy_from_slice(bytes);
                done += bytes.len();
            }
        });
        done == into.len()
    }
}

/// Bytes that can be taken without others having to go to swap.
fn available() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_holds_nothing() {
        let image = Image::made_up(&[(0x1000, &[1, 2]), (0x1010, &[3]), (0x3000, &[4])]);
        let words = |start, end| {
            let mut words = Vec::new();
            image.words(start, end, |word| words.push(word));
            words
        };
        assert_eq!(words(0, 0x4000), [1, 2, 3, 4]);
        assert_eq!(words(0x1001, 0x1017), [2]);
        assert_eq!((image.word(0x1010), image.word(0x1018), image.word(0x100c)), (Some(3), None, Some(3 << 32)));
        assert_eq!((image.len(0x1008, 0x3004), image.len(0x1018, 0x3000)), (20, 0));
    }
}
