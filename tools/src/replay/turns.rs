//! The calls of a replay: what runs in the process that replays, on the allocator that it was started with. In here
//! nothing is allocated but what the plan says.

#![allow(unsafe_code)]

use super::op::{Kind, Op};
use super::shared::{Row, Shared, State, wait, wake};
use super::{clock::Clock, resident};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Writes are this far apart: a page of all machines.
const PAGE: u64 = 4096;
/// Bytes of a lane's stack.
const STACK: usize = 256 << 10;

/// A slot of the table of pointers.
#[repr(C)]
pub struct Slot {
    block: *mut u8,
    size: u64,
}

/// A lane.
#[derive(Default)]
#[repr(C)]
pub struct Lane {
    /// 1 when it is its turn.
    turn: AtomicU32,
    /// Its thread.
    thread: AtomicU64,
}

/// All that the lanes share. Only the lane whose turn it is uses it, and hands it over with its word.
pub struct Replay {
    /// The operations.
    pub ops: *const Op,
    /// The table.
    pub slots: *mut Slot,
    /// The lanes.
    pub lanes: &'static [Lane],
    /// What the tool sees.
    pub shared: Shared,
    /// Whether blocks are written to.
    pub touches: bool,
    /// How a turn's time is measured.
    pub clock: Clock,
    /// The next operation.
    pub at: AtomicU64,
    /// The next moment.
    pub row: AtomicU64,
}

// SAFETY: see the struct: the words of lanes order all uses of the pointers.
unsafe impl Sync for Replay {}
// SAFETY: the same.
unsafe impl Send for Replay {}

enum Next {
    /// Another lane runs.
    Waits,
    /// The lane has ended.
    Ends,
    /// All is done.
    Finished,
}

/// The replay of this process: threads that it starts find it here.
static REPLAY: OnceLock<Replay> = OnceLock::new();

impl Replay {
    /// Makes it that of this process. If there is one, that stays.
    pub fn of_process(self) -> &'static Self {
        REPLAY.get_or_init(|| self)
    }

    /// Runs the first lane, in the process's first thread, until all is done.
    pub fn run(&'static self) {
        self.lanes[0].turn.store(1, Release);
        self.lane(0);
    }

    /// Runs a lane's turns.
    fn lane(&'static self, lane: usize) {
        let word = &self.lanes[lane].turn;
        loop {
            while word.load(Acquire) == 0 {
                wait(word, 0, None);
            }
            word.store(0, Relaxed);
            match self.turn(lane) {
                Next::Waits => {}
                Next::Ends | Next::Finished => return,
            }
        }
    }

    fn pass_to(&self, lane: u32) {
        let word = &self.lanes[lane as usize].turn;
        word.store(1, Release);
        wake(word);
    }

    fn turn(&'static self, lane: usize) -> Next {
        let rows = self.shared.rows();
        let of_row = |row: u64| rows.get(row as usize).map_or(u64::MAX, |row| row.op.load(Relaxed));
        let mut at = self.at.load(Relaxed);
        let mut row = self.row.load(Relaxed);
        let mut stop = of_row(row);
        let mut watch = self.clock.watch();
        let mut next = Next::Waits;
        let answer = loop {
            while at == stop {
                watch.pause();
                self.moment(&rows[row as usize], at);
                row += 1;
                stop = of_row(row);
                watch.go_on();
            }
            // SAFETY: the plan ends with an operation that ends the loop, and each slot is one of the table.
            let op = unsafe { *self.ops.add(at as usize) };
            let slot = self.slots.wrapping_add(op.slot as usize);
            at += 1;
            match op.kind {
                Kind::Malloc => {
                    // SAFETY: a call of the allocator, as are the others.
                    let block = unsafe { libc::malloc(op.size as usize) };
                    self.fill(slot, block, op.size, 0, at);
                }
                Kind::Free => {
                    // SAFETY: the block was allocated into the slot, and not freed yet.
                    unsafe { libc::free((*slot).block.cast()) };
                }
                Kind::Realloc => {
                    // SAFETY: the same.
                    let (block, from) =
                        unsafe { (libc::realloc((*slot).block.cast(), op.size as usize), (*slot).size) };
                    self.fill(slot, block, op.size, from, at);
                }
                Kind::Calloc => {
                    // SAFETY: a call of the allocator.
                    let block = unsafe { libc::calloc(1, op.size as usize) };
                    self.fill(slot, block, op.size, 0, at);
                }
                Kind::Aligned => {
                    let mut block = null_mut();
                    let align = 1_usize << op.align.clamp(3, 62);
                    // SAFETY: the place for the pointer is valid.
                    let failed = unsafe { libc::posix_memalign(&raw mut block, align, op.size as usize) };
                    self.fill(slot, if failed == 0 { block } else { null_mut() }, op.size, 0, at);
                }
                Kind::Turn if op.slot as usize == lane => watch.turn(op.size),
                Kind::Turn => {
                    watch.pause();
                    // The head of a turn is read again by the lane that it names.
                    self.at.store(at - 1, Relaxed);
                    self.row.store(row, Relaxed);
                    self.shared.words().at.store(at, Relaxed);
                    self.add(watch.sum());
                    self.pass_to(op.slot);
                    return next;
                }
                Kind::Start => {
                    watch.pause();
                    self.start(op.slot, at);
                    watch.go_on();
                }
                Kind::End => next = Next::Ends,
                Kind::Join => {
                    watch.pause();
                    self.join(op.slot);
                    watch.go_on();
                }
                Kind::Finish => break Next::Finished,
            }
        };
        watch.pause();
        self.add(watch.sum());
        self.shared.words().at.store(at, Relaxed);
        answer
    }

    fn add(&self, time: u64) {
        let sum = &self.shared.words().time;
        sum.store(sum.load(Relaxed) + time, Relaxed);
    }

    /// Puts a block into a slot, and writes to its pages from a byte on, as a program does that uses it.
    #[inline]
    fn fill(&self, slot: *mut Slot, block: *mut libc::c_void, size: u64, from: u64, at: u64) {
        if block.is_null() && size != 0 {
            self.give_up(State::NoMemory, at);
        }
        // SAFETY: the slot is one of the table.
        unsafe { slot.write(Slot { block: block.cast(), size }) };
        if !self.touches || from >= size {
            return;
        }
        // SAFETY: the bytes are the block's own.
        let write = |byte: u64| unsafe { block.cast::<u8>().add(byte as usize).write_volatile(1) };
        let mut byte = from;
        while byte < size {
            write(byte);
            byte += PAGE;
        }
        // The last page, wherever in a page the block begins.
        write(size - 1);
    }

    /// A call that gets no memory ends the replay. The tool sees why, and ends the process.
    #[cold]
    fn give_up(&self, state: State, at: u64) -> ! {
        let words = self.shared.words();
        words.at.store(at, Relaxed);
        loop {
            words.wait_as(state);
        }
    }

    #[cold]
    fn moment(&self, row: &Row, at: u64) {
        let words = self.shared.words();
        words.at.store(at, Relaxed);
        if row.stops.load(Relaxed) == 0 {
            row.resident.store(resident::anonymous(), Relaxed);
        } else {
            words.wait_as(State::Stopped);
        }
    }

    #[cold]
    fn start(&'static self, lane: u32, at: u64) {
        extern "C" fn run(lane: *mut libc::c_void) -> *mut libc::c_void {
            if let Some(replay) = REPLAY.get() {
                replay.lane(lane.addr());
            }
            null_mut()
        }
        let argument = std::ptr::without_provenance_mut(lane as usize);
        // SAFETY: the attributes are made and destroyed here; the thread uses what lives as long as the process.
        let failed = unsafe {
            let mut attributes = std::mem::zeroed();
            let mut thread = std::mem::zeroed();
            libc::pthread_attr_init(&raw mut attributes);
            libc::pthread_attr_setstacksize(&raw mut attributes, STACK);
            let failed = libc::pthread_create(&raw mut thread, &raw const attributes, run, argument);
            libc::pthread_attr_destroy(&raw mut attributes);
            self.lanes[lane as usize].thread.store(thread, Relaxed);
            failed
        };
        if failed != 0 {
            self.give_up(State::Failed, at);
        }
    }

    #[cold]
    fn join(&self, lane: u32) {
        // SAFETY: the thread was started, ends, and is joined once.
        unsafe { libc::pthread_join(self.lanes[lane as usize].thread.load(Relaxed), null_mut()) };
    }
}
