//! Faults: the signals that the kernel sends for accesses it does not allow, and handing them on.
//!
//! A program may have handlers for these signals that mean something to it (a stack that grows, a null pointer that becomes an
//! exception). So what was there before the handler of ours is kept, and what is not ours goes on to it as if it had come from the
//! kernel. A handler that the program sets later takes the place of ours.

#![allow(unsafe_code)]

use super::unwind::{self, Care, Registers};
use crate::base::mangled::MangledAddress;
use crate::base::pointer;
use crate::sys::calls;
use crate::sys::syscall::{call, int};
use core::ffi::{c_int, c_void};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// A signal handler, as the kernel calls it.
pub type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// The signals of faults.
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];
/// Codes of signals from the kernel are above; those of other senders are not.
const FROM_KERNEL: c_int = 0;

/// What a signal did before.
struct Before {
    handler: MangledAddress,
    flags: AtomicUsize,
    /// The kernel's set of signals.
    mask: AtomicU64,
}

static BEFORE: [Before; SIGNALS.len()] =
    [const { Before { handler: MangledAddress::none(), flags: AtomicUsize::new(0), mask: AtomicU64::new(0) } }; 2];
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// What an access wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// To read.
    Read,
    /// To write.
    Write,
    /// This machine does not say.
    Unknown,
}

impl Access {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Unknown => "access",
        }
    }
}

/// An access that the kernel stopped.
pub struct Fault {
    /// Where.
    pub address: usize,
    /// What it wanted.
    pub access: Access,
    context: *const c_void,
}

impl Fault {
    /// What a handler was called for; `None` if that is a signal that somebody sent.
    ///
    /// # Safety
    /// The arguments are those of a signal handler, which has not returned.
    pub unsafe fn of(info: *const libc::siginfo_t, context: *const c_void) -> Option<Self> {
        // SAFETY: the caller's promise; for these signals the kernel says where.
        unsafe {
            let by_kernel = (*info).si_code > FROM_KERNEL;
            by_kernel.then(|| Self { address: (*info).si_addr().addr(), access: access(context), context })
        }
    }

    /// The stack of the access, innermost first; how many frames of it.
    pub fn stack(&self, frames: &mut [usize]) -> usize {
        // SAFETY: the handler has not returned.
        unwind::capture_from(&unsafe { Registers::of_signal(self.context) }, frames, Care::Careful)
    }
}

#[cfg(target_arch = "x86_64")]
unsafe fn access(context: *const c_void) -> Access {
    /// In the page fault's error code.
    const WRITE: i64 = 2;
    // SAFETY: the caller passes what the kernel gave a handler.
    let error = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_ERR as usize] };
    if error & WRITE == 0 { Access::Read } else { Access::Write }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn access(_: *const c_void) -> Access {
    Access::Unknown
}

/// Makes `handler` that of faults, once for all. It runs on the program's alternative stack, where there is one, and may fault itself.
pub fn install(handler: Handler) {
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    for (&signal, before) in SIGNALS.iter().zip(&BEFORE) {
        // SAFETY: a sigaction of zeroes is the default action; the kernel reads and writes within them.
        unsafe {
            let mut old: libc::sigaction = core::mem::zeroed();
            if libc::sigaction(signal, core::ptr::null(), &raw mut old) != 0 {
                continue;
            }
            // Known before the first call of ours.
            let _ = before.handler.swap(old.sa_sigaction);
            before.flags.store(int(old.sa_flags), Relaxed);
            before.mask.store((&raw const old.sa_mask).cast::<u64>().read_unaligned(), Ordering::Release);
            let mut new: libc::sigaction = core::mem::zeroed();
            new.sa_sigaction = handler as *const () as usize;
            new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigaction(signal, &raw const new, core::ptr::null_mut());
        }
    }
}

/// Does with a signal what would have been done without our handler, which returns after this.
///
/// # Safety
/// The arguments are those of the signal handler that calls this.
pub unsafe fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(index) = SIGNALS.iter().position(|&known| known == signal) else { return };
    let before = &BEFORE[index];
    // An address that was overwritten is not called.
    let (handler, flags) = (before.handler.get().unwrap_or(libc::SIG_DFL), before.flags.load(Relaxed));
    let has = |flag: c_int| flags & int(flag) != 0;
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // SAFETY: the caller's promise.
        return unsafe { leave_to_kernel(signal, info, handler) };
    }
    if has(libc::SA_RESETHAND) {
        let _ = before.handler.swap(libc::SIG_DFL);
    }
    let own = if has(libc::SA_NODEFER) { 0 } else { 1 << (signal - 1) };
    // Until this handler returns: then the kernel sets the mask that was.
    calls::block_signals(before.mask.load(Relaxed) | own);
    // SAFETY: the program said that it is a handler, of this kind.
    unsafe {
        let handler: *const () = pointer::at(handler);
        if has(libc::SA_SIGINFO) {
            core::mem::transmute::<*const (), Handler>(handler)(signal, info, context);
        } else {
            core::mem::transmute::<*const (), extern "C" fn(c_int)>(handler)(signal);
        }
    }
}

/// The kernel does what it would have done: the access is tried again, and a signal that was sent is sent again.
///
/// # Safety
/// As for `pass_on`.
#[cold]
unsafe fn leave_to_kernel(signal: c_int, info: *mut libc::siginfo_t, action: usize) {
    // SAFETY: the caller's promise; the kernel reads a record of zeroes but for the action.
    unsafe {
        let was_sent = (*info).si_code <= FROM_KERNEL;
        if was_sent && action == libc::SIG_IGN {
            return;
        }
        // The kernel's own record: the action, flags, a way back, a set of signals. Asked directly, as this may be in the
        // middle of anything.
        let record = [action, 0, 0, 0];
        let args = [int(signal), pointer::expose(record.as_ptr()), 0, size_of::<u64>()];
        let _ = call(libc::SYS_rt_sigaction, args);
        if was_sent {
            let (process, thread) = (calls::process_id() as usize, crate::sys::thread::number() as usize);
            let args = [process, thread, int(signal), pointer::expose(info)];
            let _ = call(libc::SYS_rt_tgsigqueueinfo, args);
        }
    }
}
