//! Stacks: the return addresses of the calling thread, or of a thread that a signal has stopped.
//!
//! ```text
//!     pc, sp, fp  --rule-->  the caller's pc, sp, fp  --rule-->  ...
//!                  ^
//!          cache: a word for each pc  <--miss--  .eh_frame of the module that pc is in
//! ```
//!
//! Distributions build programs without frame pointers. So unwind information leads from a frame to its
//! caller (`cfi`). It is reduced to a word (`rule`) and remembered. Nothing here allocates or takes a
//! lock, and all of it may run in a signal handler.
//!
//! What is found is checked. A caller's frame must lie above, on whole words, on a readable page
//! (`memory`), and the return address must be in a module. Code of no module, made while the program
//! runs, is followed by frame pointers, and each must lead to what looks like a call. Where a check
//! fails the stack ends: it may be too short, but is never made up.

#![allow(unsafe_code)]

mod again;
mod cfi;
mod log;
mod machine;
mod memory;
mod rule;
#[cfg(test)]
mod tests;

use super::depot::FRAMES_MAX;
use super::modules;
pub use again::Walks;
use core::ffi::c_void;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, AtomicUsize};
pub use machine::Registers;
pub use memory::Care;
use memory::Memory;
use rule::{Cache, Kind, Rule};

static CACHE: Cache = Cache::new();

/// The most bytes of a frame that is found by its frame pointer.
const FRAME_MAX: usize = 1 << 20;
/// The most frames of metes itself, on top of the program's.
const OWN_MAX: usize = 64;

impl Registers {
    /// The registers that the kernel saved when a signal stopped a thread. `context` is the third
    /// argument of the signal handler.
    ///
    /// # Safety
    /// `context` must be that.
    pub unsafe fn of_signal(context: *const c_void) -> Self {
        // SAFETY: a `ucontext_t` has its registers there.
        let word = |offset| unsafe { context.byte_add(offset).cast::<usize>().read() };
        Self {
            pc: word(machine::CONTEXT_PC),
            sp: word(machine::CONTEXT_SP),
            fp: word(machine::CONTEXT_FP),
            lr: machine::CONTEXT_LR.map(word),
        }
    }
}

/// The calling thread's return addresses, innermost first; returns how many. The first is the first outside
/// this library's own code, and then come as many as fit. `frame - 1` lies in the instruction of the call.
#[inline(never)]
pub fn capture(frames: &mut [usize]) -> usize {
    let here = machine::here();
    let mut walk = Walk::new(&here, Memory::from(Care::Fast, here.sp));
    let first = walk.step();
    walk.fill(first, frames)
}

/// The same, for a thread that keeps its last walks: the number of a stack that it knows, else what `number` makes of the
/// return addresses, of which there are `depth` at most.
#[inline(never)]
pub fn capture_again(walks: &Walks, depth: usize, number: impl FnOnce(&[usize]) -> u32) -> u32 {
    let here = machine::here();
    let known = walks.known(&here, || Memory::from(Care::Fast, here.sp));
    known.unwrap_or_else(|| capture_anew(walks, &here, depth, number))
}

#[cold]
#[inline(never)]
fn capture_anew(walks: &Walks, here: &Registers, depth: usize, number: impl FnOnce(&[usize]) -> u32) -> u32 {
    let mut frames = [0; FRAMES_MAX];
    let walked = walks.begin(here.sp);
    let memory = Memory::from(Care::Fast, here.sp).keeping(walked.log());
    let mut walk = Walk::new(here, memory);
    let first = walk.step();
    let count = walk.fill(first, &mut frames[..depth.min(FRAMES_MAX)]);
    let number = number(&frames[..count]);
    walked.keep(here.sp, number);
    number
}

/// The same as `capture`, but the kernel reads all words of the stack. That is a hundred times slower, and nothing
/// on a stack can make it fault.
#[inline(never)]
pub fn capture_carefully(frames: &mut [usize]) -> usize {
    let here = machine::here();
    let mut walk = Walk::new(&here, Memory::new(Care::Careful));
    let first = walk.step();
    walk.fill(first, frames)
}

/// The same, for the registers that a signal handler was given. The first frame is the interrupted
/// instruction, as if it were a call: `frame - 1` is its address.
pub fn capture_from(registers: &Registers, frames: &mut [usize], care: Care) -> usize {
    let mut walk = Walk::new(registers, Memory::new(care));
    let first = (registers.pc != 0).then(|| registers.pc.wrapping_add(1));
    walk.fill(first, frames)
}

/// What a walk knows of a module.
#[derive(Clone, Copy)]
struct Known {
    start: usize,
    end: usize,
    fingerprint: u64,
}

impl Known {
    #[inline]
    fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// A module that is never unloaded, so the loader need not be asked for it each time.
struct Lasting {
    start: AtomicUsize,
    /// Set last; 0 before.
    end: AtomicUsize,
    fingerprint: AtomicU64,
}

/// This library, the main program and the libc. In a statically linked program they are one.
static LASTING: [Lasting; 3] =
    [const { Lasting { start: AtomicUsize::new(0), end: AtomicUsize::new(0), fingerprint: AtomicU64::new(0) } }; 3];

impl Lasting {
    #[inline]
    fn get(&self, address: usize) -> Option<Known> {
        let (end, start) = (self.end.load(Acquire), self.start.load(Relaxed));
        (start..end).contains(&address).then(|| Known { start, end, fingerprint: self.fingerprint.load(Relaxed) })
    }

    fn set(&self, module: Known) {
        self.start.store(module.start, Relaxed);
        self.fingerprint.store(module.fingerprint, Relaxed);
        self.end.store(module.end, Release);
    }
}

/// Asks the loader for the module that an address is in.
#[inline(never)]
fn find(address: usize) -> Option<Known> {
    let module = modules::find(address)?;
    let known = Known { start: module.start, end: module.end, fingerprint: module.fingerprint() };
    if let Some(index) = modules::lasting(&module) {
        LASTING[index].set(known);
    }
    Some(known)
}

struct Walk<'log> {
    /// An address in the current instruction.
    pc: usize,
    sp: usize,
    fp: usize,
    /// Where `fp` was read; 0 if it is that of the start.
    fp_at: usize,
    /// The link register, in a frame that was interrupted.
    lr: Option<usize>,
    module: Option<Known>,
    memory: Memory<'log>,
}

impl<'log> Walk<'log> {
    fn new(registers: &Registers, memory: Memory<'log>) -> Self {
        let &Registers { pc, sp, fp, lr } = registers;
        Self { pc, sp, fp, fp_at: 0, lr, module: None, memory }
    }

    /// Fills in frames, starting with `frame`.
    fn fill(&mut self, mut frame: Option<usize>, frames: &mut [usize]) -> usize {
        let (own_start, own_end) = own_code();
        let is_own = |frame: usize| (own_start..own_end).contains(&(frame - 1));
        for _ in 0..OWN_MAX {
            match frame {
                Some(own) if is_own(own) => frame = self.step(),
                _ => break,
            }
        }
        let len = frames.len();
        for (count, place) in frames.iter_mut().enumerate() {
            let Some(found) = frame else { return count };
            *place = found;
            if count + 1 < len {
                frame = self.step();
            }
        }
        len
    }

    /// Goes to the caller, and returns its return address.
    #[inline]
    fn step(&mut self) -> Option<usize> {
        let rule = self.rule();
        let (cfa, fp_base) = match rule.kind() {
            Kind::FromSp => (self.sp.wrapping_add_signed(rule.offset()), None),
            Kind::FromFp => (self.frame_pointer().wrapping_add_signed(rule.offset()), None),
            Kind::AtFp => {
                let fp = self.frame_pointer();
                (self.memory.word(fp.wrapping_add_signed(rule.offset()))?, Some(fp))
            }
            Kind::Signal => return self.step_over_signal(),
            Kind::End => return None,
            Kind::Unknown if is_signal_return(self.pc.wrapping_add(1)) => return self.step_over_signal(),
            Kind::Unknown => return self.step_by_frame_pointer(),
        };
        let lr = self.lr.take();
        let in_register = rule.ra().is_none();
        if cfa < self.sp || (cfa == self.sp && !in_register) {
            return None;
        }
        let ra = match rule.ra() {
            Some(offset) => self.memory.word(cfa.wrapping_add_signed(offset))?,
            None => lr?,
        };
        if let Some(offset) = rule.fp() {
            self.fp_at = fp_base.unwrap_or(cfa).wrapping_add_signed(offset);
            self.fp = self.memory.look(self.fp_at)?;
        }
        self.sp = cfa;
        self.arrive(machine::bare(ra))
    }

    /// The frame pointer, on which the walk depends from here on. Most code keeps other things in that register.
    #[inline]
    fn frame_pointer(&self) -> usize {
        self.memory.keep(self.fp_at, self.fp);
        self.fp
    }

    /// The rule that leads from here to the caller.
    #[inline]
    fn rule(&mut self) -> Rule {
        let Some(module) = self.module() else { return Rule::plain(Kind::Unknown) };
        CACHE.get(self.pc, module.fingerprint).unwrap_or_else(|| self.new_rule(&module))
    }

    #[cold]
    #[inline(never)]
    fn new_rule(&self, known: &Known) -> Rule {
        let module = modules::find(self.pc).filter(|module| module.fingerprint() == known.fingerprint);
        let rule = module.map_or(Rule::plain(Kind::Unknown), |module| cfi::rule(&module, self.pc));
        CACHE.put(self.pc, known.fingerprint, rule);
        rule
    }

    /// The module that `pc` is in.
    #[inline]
    fn module(&mut self) -> Option<Known> {
        if !self.module.is_some_and(|module| module.contains(self.pc)) {
            let lasting = LASTING.iter().find_map(|module| module.get(self.pc));
            self.module = lasting.or_else(|| find(self.pc));
        }
        self.module
    }

    /// Goes on at a return address, if code is there.
    #[inline]
    fn arrive(&mut self, ra: usize) -> Option<usize> {
        self.pc = ra.wrapping_sub(1);
        let is_code = self.module().is_some() || is_behind_call(ra) || is_signal_return(ra);
        is_code.then_some(ra)
    }

    /// Goes from the code that a signal handler returns to, to the interrupted code.
    #[cold]
    fn step_over_signal(&mut self) -> Option<usize> {
        self.memory.spoil();
        let context = self.sp.wrapping_add(machine::CONTEXT);
        let mut word = |offset: usize| self.memory.word(context.wrapping_add(offset));
        let (pc, sp, fp) = (word(machine::CONTEXT_PC)?, word(machine::CONTEXT_SP)?, word(machine::CONTEXT_FP)?);
        self.lr = match machine::CONTEXT_LR {
            Some(offset) => Some(word(offset)?),
            None => None,
        };
        (self.pc, self.sp, self.fp) = (pc, sp, fp);
        // If the program called an address without code, the stack ends here, but that address is in it.
        (pc != 0).then(|| pc.wrapping_add(1))
    }

    /// Goes to the caller by the frame pointer, which code without unwind information may have. It
    /// leads to the caller's frame pointer and to a return address.
    #[cold]
    fn step_by_frame_pointer(&mut self) -> Option<usize> {
        self.lr = None;
        self.memory.doubt();
        let frame = self.fp;
        if frame < self.sp || frame - self.sp > FRAME_MAX {
            return None;
        }
        let fp = self.memory.word(frame)?;
        let ra = machine::bare(self.memory.word(frame.wrapping_add(size_of::<usize>()))?);
        if !is_behind_call(ra) {
            return None;
        }
        (self.fp, self.sp) = (fp, frame + 2 * size_of::<usize>());
        self.arrive(ra)
    }
}

/// Whether a call stands before an address.
#[cold]
fn is_behind_call(ra: usize) -> bool {
    memory::bytes_before(ra).is_some_and(machine::is_call)
}

/// Whether the code at an address is the kernel's, to which a signal handler returns.
#[inline(always)]
fn is_signal_return(address: usize) -> bool {
    let code = || memory::bytes_before(address.wrapping_add(memory::BYTES));
    machine::SIGNAL_RETURN.is_some_and(|expected| code() == Some(expected))
}

/// The start and end of our own code. Both are the same if it cannot be told from the program's.
#[inline]
fn own_code() -> (usize, usize) {
    static START: AtomicUsize = AtomicUsize::new(0);
    static END: AtomicUsize = AtomicUsize::new(0);
    let end = END.load(Acquire);
    if end != 0 {
        return (START.load(Relaxed), end);
    }
    find_own_code(&START, &END)
}

#[cold]
fn find_own_code(start: &AtomicUsize, end: &AtomicUsize) -> (usize, usize) {
    // Not zeroes: these mean that it is not known yet.
    const NONE: (usize, usize) = (1, 1);
    let range = modules::code_of_this_library();
    let (first, last) = if range.is_empty() { NONE } else { (range.start, range.end) };
    start.store(first, Relaxed);
    end.store(last, Release);
    (first, last)
}
