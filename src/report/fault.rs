//! Faults: who owns the address that could not be accessed, and what becomes of the access.
//!
//! Each owner is asked in turn. An owner that knows the address reports it, and says whether the access can go
//! on. If it cannot, or no owner knows the address, the signal goes where it would have gone without metes.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::code::Code;
use crate::base::mangled::MangledFn;
use crate::sys::{mmap, thread};
use crate::trace::fault::{self, Fault};
use crate::trace::report::{self, After, Detail};
use core::ffi::{c_int, c_void};
use core::fmt::Arguments;

/// The most frames of an access's stack.
const DEPTH: usize = 16;

/// What came of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handling {
    /// The address is not the owner's.
    NotOurs,
    /// The fault is reported, and the process is to end by the signal.
    Reported,
    /// The access can be made now.
    GoOn,
}

/// Handles a fault if the address is the owner's. Runs in a signal handler: takes no lock, and
/// looks only at the owner's own data.
pub type Owner = fn(&Fault) -> Handling;

/// What has an owner. Each has a place of its own, so two owners that are set at once do not meet.
#[derive(Clone, Copy)]
pub enum Owned {
    /// The pool of guarded blocks.
    Guarded,
    /// Checked blocks.
    Checked,
    /// Ranges of heaps that a program has made and destroyed, and what is around such ranges.
    Compartments,
}

/// The owners, by what they own, as far as `set_owner` has set them.
static OWNERS: [MangledFn<Owner>; 3] = [const { MangledFn::none() }; 3];

/// Sets an owner, which is asked about faults from here on. May be called again and again.
pub fn set_owner(what: Owned, owner: Owner) {
    let known = &OWNERS[what as usize];
    if known.get().is_ok_and(|known| known.is_none()) {
        let _ = known.swap(Some(owner));
    }
}

/// The owners that are set.
fn owners() -> impl Iterator<Item = Owner> {
    OWNERS.iter().filter_map(|known| known.get().ok().flatten())
}

/// Reports an access that was stopped, with its stack. Lets it go on if the options say so.
pub fn tell(code: Code, fault: &Fault, text: Arguments<'_>, describe: &dyn Fn(&mut Detail)) -> Handling {
    let tell = |detail: &mut Detail| {
        let mut frames = [0; DEPTH];
        let depth = fault.stack(&mut frames);
        detail.line(format_args!("accessed by thread {}:", thread::number()));
        detail.stack(&frames[..depth]);
        describe(detail);
    };
    let after = report::after();
    if after != After::Ignore {
        report::noticed(code, 0, text, &tell);
    }
    let page = align::down(fault.address, mmap::page_size());
    let goes_on = after != After::Stop && mmap::permit(page, mmap::page_size());
    if goes_on { Handling::GoOn } else { Handling::Reported }
}

/// Watches faults from here on.
pub fn watch() {
    fault::install(on_fault);
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the arguments are the kernel's.
    let fault = unsafe { Fault::of(info, context) };
    let claim = |fault: Fault| {
        let mut claims = owners().map(|owner| owner(&fault));
        claims.find(|&claim| claim != Handling::NotOurs)
    };
    if fault.and_then(claim) != Some(Handling::GoOn) {
        // SAFETY: the arguments are the kernel's.
        unsafe { fault::pass_on(signal, info, context) };
    }
}
