//! Faults: the signals that the kernel sends for accesses that it does not allow, and how they are passed on.
//!
//! A program may have its own handlers for these signals, for a stack that grows, or to turn a null pointer
//! into an exception. So metes keeps the handler that it replaces, and passes on each fault that is not its
//! own, as if it came from the kernel. A handler that the program sets later replaces that of metes.

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
/// Signals from the kernel have codes above this, those of other senders do not.
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

/// What an access was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// The machine does not say.
    #[cfg(not(target_arch = "x86_64"))]
    Unknown,
}

impl Access {
    /// The access in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            #[cfg(not(target_arch = "x86_64"))]
            Self::Unknown => "access",
        }
    }
}

/// An access that the kernel stopped.
pub struct Fault {
    /// The address that was accessed.
    pub address: usize,
    /// What the access was for.
    pub access: Access,
    context: *const c_void,
}

impl Fault {
    /// The fault that a handler was called for; `None` if the signal was sent by a process.
    ///
    /// # Safety
    /// The arguments are those of a signal handler that has not returned.
    pub unsafe fn of(info: *const libc::siginfo_t, context: *const c_void) -> Option<Self> {
        // SAFETY: the caller's promise. For these signals the kernel gives the address.
        unsafe {
            let by_kernel = (*info).si_code > FROM_KERNEL;
            by_kernel.then(|| Self { address: (*info).si_addr().addr(), access: access(context), context })
        }
    }

    /// The stack of the access, innermost first. Returns how many frames.
    pub fn stack(&self, frames: &mut [usize]) -> usize {
        // SAFETY: the handler has not returned.
        unwind::capture_from(&unsafe { Registers::of_signal(self.context) }, frames, Care::Careful)
    }
}

#[cfg(target_arch = "x86_64")]
unsafe fn access(context: *const c_void) -> Access {
    /// A bit in the page fault's error code.
    const WRITE: i64 = 2;
    // SAFETY: the caller passes what the kernel gave a handler.
    let error = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_ERR as usize] };
    if error & WRITE == 0 { Access::Read } else { Access::Write }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn access(_: *const c_void) -> Access {
    Access::Unknown
}

/// Installs `handler` for faults, once. It runs on the program's alternative stack, if there is one,
/// and may fault itself.
pub fn install(handler: Handler) {
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    for (&signal, before) in SIGNALS.iter().zip(&BEFORE) {
        // SAFETY: a sigaction of zeroes is the default action. The kernel reads and writes within these.
        unsafe {
            let mut old: libc::sigaction = core::mem::zeroed();
            if libc::sigaction(signal, core::ptr::null(), &raw mut old) != 0 {
                continue;
            }
            // Stored before our handler can be called.
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

/// Does with a signal what would have been done without our handler, which must return after this.
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
    // This holds until our handler returns: the kernel then restores the earlier mask.
    calls::block_signals(before.mask.load(Relaxed) | own);
    // SAFETY: the program installed it as a handler of this kind.
    unsafe {
        let handler: *const () = pointer::at(handler);
        if has(libc::SA_SIGINFO) {
            core::mem::transmute::<*const (), Handler>(handler)(signal, info, context);
        } else {
            core::mem::transmute::<*const (), extern "C" fn(c_int)>(handler)(signal);
        }
    }
}

/// Lets the kernel do what it would have done: the access is repeated, and a signal that was sent is sent again.
///
/// # Safety
/// As for `pass_on`.
#[cold]
unsafe fn leave_to_kernel(signal: c_int, info: *mut libc::siginfo_t, action: usize) {
    // SAFETY: the caller's promise. The kernel reads a record that is all zeroes except for the action.
    unsafe {
        let was_sent = (*info).si_code <= FROM_KERNEL;
        if was_sent && action == libc::SIG_IGN {
            return;
        }
        // The kernel's own record: the action, flags, a restorer, a set of signals. This may interrupt
        // anything, so it asks the kernel directly.
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
