//! Faults: whose the address is that could not be accessed, and what becomes of the access.
//!
//! Each of `OWNERS` is asked in turn. Who knows the address reports it and says whether the access can go on; if it cannot, or nobody
//! knows the address, the signal goes to whom it would have gone to without us.

#![allow(unsafe_code)]

use super::guard;
use crate::sys::fault::{self, Fault};
use crate::sys::linux;
use core::ffi::{c_int, c_void};

/// What is known of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The address is nobody's here.
    NotOurs,
    /// It has been reported, and the process is to end by the signal.
    Reported,
    /// The access can be made now.
    GoOn,
}

/// Who is asked. They run in a signal handler: they take no lock, and look only at what is theirs.
const OWNERS: &[fn(&Fault) -> Claim] = &[guard::on_fault];

/// Watches faults from here on.
pub fn watch() {
    fault::install(on_fault);
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's arguments.
    let fault = unsafe { Fault::of(info, context) };
    let claim = |fault: Fault| {
        let mut claims = OWNERS.iter().map(|owner| owner(&fault));
        claims.find(|&claim| claim != Claim::NotOurs)
    };
    if linux::keeping_errno(|| fault.and_then(claim)) != Some(Claim::GoOn) {
        // SAFETY: the kernel's arguments.
        unsafe { fault::pass_on(signal, info, context) };
    }
}
