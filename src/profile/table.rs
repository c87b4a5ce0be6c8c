//! The profile's memory: one range that a tool reads from outside, or the pages of a file that outlives the process.
//!
//! ```text
//!     | head 4 KiB | maps 60 KiB | stacks | live samples |
//! ```
//!
//! All of it is words that any thread may write to at any time: there is no lock. So sums may be a sample ahead of one
//! another.

#![allow(unsafe_code)]

use super::live::{LIVE, Live, Lives};
use super::stacks::{STACKS, Stack, Stacks};
use crate::base::path::Path;
use crate::base::pointer;
use crate::process::{options, profiling};
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{calls, file};
use crate::trace::report;
use core::mem::offset_of;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU64};

/// What a profile begins with.
pub const MAGIC: [u8; 16] = *b"metes profile 1\n";
/// Where the text of /proc/self/maps stands, as it was when the file's peak was kept.
pub const MAPS: usize = 4 << 10;
/// Where the stacks stand.
pub const HEAD: usize = 64 << 10;

/// The head. Times are milliseconds of the system's monotonic clock.
#[repr(C)]
pub struct Head {
    /// `MAGIC`, set last.
    pub magic: [AtomicU64; 2],
    /// Bytes of all of it.
    pub bytes: AtomicU64,
    /// How many stacks there is room for, and the bytes of one.
    pub stacks: [AtomicU64; 2],
    /// How many live samples there is room for, and the bytes of one.
    pub live: [AtomicU64; 2],
    /// Where the stacks and the live samples are, from the head on.
    pub offsets: [AtomicU64; 2],
    /// Bytes between two samples, in the mean, at the last sample.
    pub rate: AtomicU64,
    /// The process.
    pub pid: AtomicU64,
    /// When the first sample was taken.
    pub began: AtomicU64,
    /// When the last one was.
    pub last: AtomicU64,
    /// Samples so far.
    pub samples: AtomicU64,
    /// Samples that were lost: no room for the stack; no room among the live ones; no memory for the block.
    pub dropped: [AtomicU64; 3],
    /// About how many bytes the program has allocated so far, and has now.
    pub allocated: AtomicU64,
    /// See `allocated`.
    pub in_use: AtomicU64,
    /// The most `in_use` was when the stacks' shares of it were noted.
    pub peak: AtomicU64,
    /// When that was.
    pub peak_at: AtomicU64,
    /// How often they were noted. The newest are the stacks' `peaks[(this - 1) % 2]`.
    pub peaks: AtomicU64,
    /// Bytes of the text at `MAPS`.
    pub maps: AtomicU64,
}

const _: () = assert!(size_of::<Head>() <= MAPS);

/// All of it.
#[repr(C)]
pub struct Table {
    /// The head.
    pub head: Head,
    pad: [u8; HEAD - size_of::<Head>()],
    /// The stacks.
    pub stacks: Stacks,
    /// The samples in use.
    pub live: Lives,
}

/// Whether a thread has begun to make the table. Only one does: two that map one file would zero it twice. It stays so
/// where there is no memory.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// The table, if there is one.
pub fn table() -> Option<&'static Table> {
    let address = profiling::table();
    // SAFETY: set once to memory that stays, all of which is words of atomics.
    (address != 0).then(|| unsafe { pointer::to_ref(address) })
}

/// The table, which is made if there is none. `None` where there is no memory for one, and while another thread makes it.
pub fn make() -> Option<&'static Table> {
    if let Some(table) = table() {
        return Some(table);
    }
    if BEGUN.swap(true, Relaxed) {
        return None;
    }
    let path = options::profile_file(calls::process_id().cast_signed());
    let address = match &path {
        Some(path) => map_file(path)?,
        None => Linux.map_guarded(size_of::<Table>(), Linux.page_size()).or_else(|| {
            report::say(format_args!("no memory for a profile: there is none"));
            None
        })?,
    };
    // SAFETY: mapped just now, zeroes are an empty table, and no other thread has seen it.
    let made: &'static Table = unsafe { pointer::to_ref(address) };
    made.begin();
    if path.is_some() {
        made.keep_maps();
    }
    profiling::set_table(address);
    Some(made)
}

/// Maps the file of the option, which must not be there yet.
fn map_file(path: &Path) -> Option<usize> {
    // The file of this process, from before it became another program.
    let pid = u64::from(calls::process_id()).to_le_bytes();
    let mine = |head: &[u8; 128]| head[..16] == MAGIC && head[offset_of!(Head, pid)..][..8] == pid;
    let mapped = file::create_mapped(path.as_bytes(), size_of::<Table>(), mine);
    if matches!(mapped, Err(file::NotMapped::Failed)) {
        let path = path.as_str().trim_end_matches('\0');
        report::say(format_args!(
            "cannot make the profile '{path}': it must not be there yet, and needs 14 MiB of room"
        ));
    }
    mapped.ok()
}

/// In a forked child: a file is the parent's, so no sample goes there, and those that are live are forgotten.
pub fn begin_in_child() {
    if options::has_profile_file() {
        profiling::end();
        BEGUN.store(false, Relaxed);
    }
}

/// At the exit: the file says which files are mapped where.
pub fn finish() {
    if let Some(table) = table().filter(|_| options::has_profile_file()) {
        table.keep_maps();
    }
}

impl Table {
    fn begin(&self) {
        let head = &self.head;
        let set = |word: &AtomicU64, n: usize| word.store(n as u64, Relaxed);
        set(&head.bytes, size_of::<Self>());
        set(&head.stacks[0], STACKS);
        set(&head.stacks[1], size_of::<Stack>());
        set(&head.live[0], LIVE);
        set(&head.live[1], size_of::<Live>());
        set(&head.offsets[0], offset_of!(Self, stacks));
        set(&head.offsets[1], offset_of!(Self, live));
        set(&head.pid, calls::process_id() as usize);
        head.began.store(Linux.now(), Relaxed);
        for (word, part) in head.magic.iter().zip(MAGIC.chunks_exact(8)) {
            word.store(u64::from_le_bytes(part.try_into().unwrap_or_default()), Release);
        }
    }

    /// Counts a sample that stands for so many bytes, and notes the stacks' shares where the peak has grown.
    pub fn count(&self, rate: usize, bytes: u64) {
        let head = &self.head;
        head.rate.store(rate as u64, Relaxed);
        head.last.store(Linux.now(), Relaxed);
        head.samples.fetch_add(1, Relaxed);
        head.allocated.fetch_add(bytes, Relaxed);
        let in_use = head.in_use.fetch_add(bytes, Relaxed) + bytes;
        // Each noting walks over all stacks: not for each little more.
        let peak = head.peak.load(Relaxed);
        if in_use > peak + peak / 64 + 2 * rate as u64 {
            self.note_peak(peak, in_use);
        }
    }

    /// Counts a sample that is free again.
    pub fn count_free(&self, bytes: u64) {
        // A sample of before a fork, for instance, may not be in the sum.
        let _ = self.head.in_use.fetch_update(Relaxed, Relaxed, |now| Some(now.saturating_sub(bytes)));
    }

    #[cold]
    fn note_peak(&self, before: u64, now: u64) {
        let head = &self.head;
        // One thread at a time: the one that raises the peak.
        if head.peak.compare_exchange(before, now, Acquire, Relaxed).is_err() {
            return;
        }
        let turn = head.peaks.load(Relaxed);
        self.stacks.note_peak(turn);
        head.peak_at.store(Linux.now(), Relaxed);
        if options::has_profile_file() {
            self.keep_maps();
        }
        head.peaks.store(turn + 1, Release);
    }

    /// Writes down which files are mapped where: the process may be gone when the profile is read.
    fn keep_maps(&self) {
        let text = pointer::at_mut::<u8>(core::ptr::from_ref(self).addr() + MAPS);
        // SAFETY: the part of the head that is for this text alone.
        let room = unsafe { core::slice::from_raw_parts_mut(text, HEAD - MAPS) };
        self.head.maps.store(file::read_into(b"/proc/self/maps\0", room) as u64, Relaxed);
    }
}
