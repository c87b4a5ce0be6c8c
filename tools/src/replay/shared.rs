//! What the tool and the process that replays share: a few words, and a row for each moment. The process is the same
//! program as the tool, so both know the layout.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

/// What the process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// It has not come that far.
    Starts = 0,
    /// It waits before the first call.
    Ready = 1,
    /// It makes calls.
    Runs = 2,
    /// It waits at a moment.
    Stopped = 3,
    /// It has made all calls, and waits.
    Done = 4,
    /// A call got no memory; it waits.
    NoMemory = 5,
    /// It cannot replay; it waits.
    Failed = 6,
}

const STATES: [State; 7] =
    [State::Starts, State::Ready, State::Runs, State::Stopped, State::Done, State::NoMemory, State::Failed];

/// The words. The tool sets those of the first part before the process starts.
#[derive(Default)]
#[repr(C)]
pub struct Words {
    /// Operations of the plan.
    pub ops: AtomicU64,
    /// Slots of the table.
    pub slots: AtomicU64,
    /// Lanes.
    pub lanes: AtomicU64,
    /// Rows.
    pub rows: AtomicU64,
    /// 1 if blocks are written to.
    pub touches: AtomicU32,

    state: AtomicU32,
    /// Operations so far.
    pub at: AtomicU64,
    /// Nanoseconds in turns.
    pub time: AtomicU64,
    /// Nanoseconds of CPU time of all threads.
    pub cpu: AtomicU64,
    /// Page faults.
    pub faults: AtomicU64,
    /// Bytes of address space that metes has, and the most that its heaps have held; 0 on other allocators.
    pub metes: [AtomicU64; 2],
}

/// A moment.
#[derive(Default)]
#[repr(C)]
pub struct Row {
    /// The operation before which it is.
    pub op: AtomicU64,
    /// 1 if the process waits there.
    pub stops: AtomicU64,
    /// Anonymous bytes that were resident.
    pub resident: AtomicU64,
}

/// The memory.
pub struct Shared {
    file: OwnedFd,
    start: *mut u8,
    len: usize,
}

// SAFETY: all in it is atomic.
unsafe impl Sync for Shared {}
// SAFETY: the mapping belongs to no thread.
unsafe impl Send for Shared {}

impl Shared {
    /// New memory with room for so many rows, all zero.
    pub fn new(rows: usize) -> io::Result<Self> {
        let len = size_of::<Words>() + rows * size_of::<Row>();
        // SAFETY: a C string, and a new descriptor that nobody else has.
        let file = unsafe {
            let file = libc::memfd_create(c"metes replay".as_ptr(), libc::MFD_CLOEXEC);
            if file < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(file)
        };
        let file = File::from(file);
        file.set_len(len as u64)?;
        let shared = Self::map(file.into(), len)?;
        shared.words().rows.store(rows as u64, Release);
        Ok(shared)
    }

    /// That of a descriptor which this process was started with.
    ///
    /// # Safety
    ///
    /// The descriptor is open, and nobody else here has it.
    pub unsafe fn open(file: RawFd) -> io::Result<Self> {
        // SAFETY: as the caller says.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(file) });
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if len < size_of::<Words>() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Self::map(file.into(), len)
    }

    fn map(file: OwnedFd, len: usize) -> io::Result<Self> {
        // SAFETY: a new mapping of a file that nobody makes shorter.
        let start = unsafe {
            let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
            libc::mmap(null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { file, start: start.cast(), len })
    }

    /// The descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// The words.
    pub fn words(&self) -> &Words {
        // SAFETY: the mapping starts with them, is aligned to pages, and any bytes are valid words.
        unsafe { &*self.start.cast::<Words>() }
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        let most = (self.len - size_of::<Words>()) / size_of::<Row>();
        let rows = usize::try_from(self.words().rows.load(Acquire)).unwrap_or(0).min(most);
        // SAFETY: they stand behind the words, as many as there is room for.
        unsafe { std::slice::from_raw_parts(self.start.add(size_of::<Words>()).cast::<Row>(), rows) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

impl Words {
    /// What the process does now.
    pub fn state(&self) -> State {
        STATES.get(self.state.load(Acquire) as usize).copied().unwrap_or(State::Failed)
    }

    /// Says what it does from now on.
    pub fn set(&self, state: State) {
        self.state.store(state as u32, Release);
        wake(&self.state);
    }

    /// Waits until it does something else, at most so long.
    pub fn wait_while(&self, state: State, most: Duration) {
        wait(&self.state, state as u32, Some(most));
    }

    /// Says it, and waits until the other side says that it runs.
    pub fn wait_as(&self, state: State) {
        self.set(state);
        while self.state() == state {
            wait(&self.state, state as u32, None);
        }
    }
}

/// Waits while a word is what it was, by a futex that processes share.
pub fn wait(word: &AtomicU32, was: u32, most: Option<Duration>) {
    let time = most.map(|most| libc::timespec {
        tv_sec: libc::time_t::try_from(most.as_secs()).unwrap_or(1),
        tv_nsec: libc::c_long::from(most.subsec_nanos()),
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel reads the word and the time.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, was, time) };
}

/// Wakes one that waits for a word.
pub fn wake(word: &AtomicU32) {
    // SAFETY: the kernel only takes the word's address.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}
