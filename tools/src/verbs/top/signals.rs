//! Signals that end the program: it first makes the terminal as it was.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, Ordering};

static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// A terminal that has gone needs nothing any more, and may keep who waits for its keys busy for ever. Who sends a second
/// signal does not want to wait.
extern "C" fn note(signal: libc::c_int) {
    // SAFETY: both may be called by a signal handler.
    unsafe {
        let mut state: libc::termios = std::mem::zeroed();
        let is_gone = libc::tcgetattr(libc::STDOUT_FILENO, &raw mut state) != 0;
        if CAUGHT.swap(signal, Ordering::Relaxed) != 0 || is_gone {
            libc::_exit(128 + signal);
        }
    }
}

/// Notes them from here on.
pub fn catch() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: the handler only stores a number; without SA_RESTART a wait ends.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note as *const () as usize;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// The one that came.
pub fn caught() -> Option<u8> {
    u8::try_from(CAUGHT.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
}
