//! Reading a profile: out of a process, or out of the file that a process keeps it in.

use super::{Amount, Live, Profile, Stack};
use crate::failure::Failure;
use crate::heap::source::{Record, Source};
use crate::process::Process;
use metes::internals::chance::ONE;
use metes::internals::live::Live as Place;
use metes::internals::stacks::{FRAMES, Stack as Row};
use metes::internals::table::{Head, MAGIC, MAPS};
use std::mem::offset_of;
use std::path::Path;

/// No profile has more of either.
const MOST: u64 = 1 << 24;
/// Places and the counts of a page that is not there are read a part at a time.
const PART: usize = 1 << 20;

/// The profile of a process; `None` if it has taken no sample yet.
pub fn of_process(process: &Process, source: &Source<'_>) -> Result<Option<Profile>, Failure> {
    let control = source.channel.profiling.get() as u64;
    let at = control + offset_of!(metes::internals::profiling::Control, table) as u64;
    let table = source.word(at).ok_or_else(|| process.gone())?;
    if table == 0 {
        return Ok(None);
    }
    let read = |offset: u64, len: usize| source.bytes(table + offset, len);
    let profile = parse(&read).ok_or_else(|| Failure::about(process.pid(), "its profile cannot be read"))?;
    Ok(Some(Profile { maps: process.file("maps")?, ..profile }))
}

/// The profile in a file. The process that writes it may still run.
pub fn of_file(path: &Path) -> Result<Profile, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::of_system(path.display(), &error))?;
    let wrong = |why: &str| Failure::about(path.display(), why);
    if !bytes.starts_with(&MAGIC) {
        let is_other = bytes.starts_with(&MAGIC[..14]);
        return Err(wrong(if is_other { "is a profile of another version" } else { "is no profile of metes" }));
    }
    let read = |offset: u64, len: usize| {
        let start = usize::try_from(offset).ok()?;
        bytes.get(start..start.checked_add(len)?).map(<[u8]>::to_vec)
    };
    let profile = parse(&read).ok_or_else(|| wrong("this profile is damaged, or not all of it is there"))?;
    let head = Record::of(bytes[..MAPS].to_vec());
    let len = head.u64(offset_of!(Head, maps)) as usize;
    let maps = bytes.get(MAPS..MAPS + len.min(1 << 16)).unwrap_or_default();
    Ok(Profile { maps: String::from_utf8_lossy(maps).into_owned(), ..profile })
}

/// A profile of which `read` gives parts.
fn parse(read: &dyn Fn(u64, usize) -> Option<Vec<u8>>) -> Option<Profile> {
    let head = Record::of(read(0, size_of::<Head>())?);
    let word = |offset: usize| head.u64(offset);
    let pair = |offset: usize| (head.u64(offset), head.u64(offset + 8));
    let ((stacks, stack), (lives, live)) = (pair(offset_of!(Head, stacks)), pair(offset_of!(Head, live)));
    if !head.bytes().starts_with(&MAGIC) || stacks.max(lives) > MOST || (stack, live) != sizes() {
        return None;
    }
    let (began, last) = (word(offset_of!(Head, began)), word(offset_of!(Head, last)));
    let newest = (word(offset_of!(Head, peaks)).wrapping_sub(1) % 2) as usize;
    let dropped = [0, 8, 16].map(|more| word(offset_of!(Head, dropped) + more));
    let mut profile = Profile {
        pid: u32::try_from(word(offset_of!(Head, pid))).ok()?,
        rate: word(offset_of!(Head, rate)),
        lasted: last.saturating_sub(began),
        samples: word(offset_of!(Head, samples)),
        dropped,
        peak: (word(offset_of!(Head, peak)), word(offset_of!(Head, peak_at)).saturating_sub(began)),
        ..Profile::default()
    };
    let (at_stacks, at_lives) = pair(offset_of!(Head, offsets));
    rows(read, at_stacks, stacks, stack as usize, &mut |index, row| {
        profile.stacks.extend(stack_of(index, row, newest));
    })?;
    rows(read, at_lives, lives, live as usize, &mut |_, row| profile.live.extend(live_of(row)))?;
    Some(profile)
}

fn sizes() -> (u64, u64) {
    (size_of::<Row>() as u64, size_of::<Place>() as u64)
}

/// Calls `f` with each row of a table that is used.
fn rows(
    read: &dyn Fn(u64, usize) -> Option<Vec<u8>>,
    at: u64,
    count: u64,
    bytes: usize,
    f: &mut dyn FnMut(usize, &Record),
) -> Option<()> {
    let together = PART / bytes;
    for first in (0..count as usize).step_by(together) {
        let here = together.min(count as usize - first);
        let part = read(at + (first * bytes) as u64, here * bytes)?;
        for (index, row) in part.chunks_exact(bytes).enumerate() {
            if row[..8] != [0; 8] {
                f(first + index, &Record::of(row.to_vec()));
            }
        }
    }
    Some(())
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn blocks(weight: u64) -> f64 {
    weight as f64 / ONE as f64
}

fn stack_of(index: usize, row: &Record, newest: usize) -> Option<Stack> {
    let amount = |offset: usize| Amount { blocks: blocks(row.u64(offset)), bytes: row.u64(offset + 8) };
    let len = row.u64(offset_of!(Row, len));
    let count = (len & !(1 << 63)) as usize;
    if count == 0 || count > FRAMES {
        return None;
    }
    let mut lived = [0; 8];
    let counts = lived.iter_mut().enumerate();
    counts.for_each(|(place, count)| *count = row.u32(offset_of!(Row, lived) + 4 * place).into());
    Some(Stack {
        index,
        frames: (0..count).map(|frame| row.u64(offset_of!(Row, frames) + 8 * frame)).collect(),
        is_cut: len >> 63 != 0,
        samples: row.u64(offset_of!(Row, samples)),
        allocated: amount(offset_of!(Row, allocated)),
        freed: amount(offset_of!(Row, freed)),
        peak: amount(offset_of!(Row, peaks) + 16 * newest),
        lives: row.u64(offset_of!(Row, lives)),
        lived,
    })
}

fn live_of(row: &Record) -> Option<Live> {
    // 1 stands where one is just being entered.
    (row.u64(offset_of!(Place, address)) > 1).then(|| Live {
        address: row.u64(offset_of!(Place, address)),
        stack: row.u32(offset_of!(Place, stack)) as usize,
        size: row.u64(offset_of!(Place, size)),
        weight: blocks(row.u64(offset_of!(Place, weight))),
        anchor: row.u64(offset_of!(Place, anchor)),
    })
}
