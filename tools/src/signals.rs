//! Signals that ask for the end. They are noted, so that a verb first leaves things as they were.

#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI32};

/// What a verb does when another one comes before it has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes on to its end.
    Waits,
    /// It ends at once, and also at the first one where the terminal has gone.
    Ends,
}

static CAUGHT: AtomicI32 = AtomicI32::new(0);
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// A terminal that has gone needs nothing any more, and may keep who waits for its keys busy for ever. Who sends a second
/// signal does not want to wait.
extern "C" fn note(signal: libc::c_int) {
    let is_second = CAUGHT.swap(signal, Relaxed) != 0;
    if !AT_ONCE.load(Relaxed) {
        return;
    }
    // SAFETY: both may be called by a signal handler.
    unsafe {
        let mut state: libc::termios = std::mem::zeroed();
        if is_second || libc::tcgetattr(libc::STDOUT_FILENO, &raw mut state) != 0 {
            libc::_exit(128 + signal);
        }
    }
}

/// Notes them from here on.
pub fn catch(next: Next) {
    AT_ONCE.store(next == Next::Ends, Relaxed);
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
    u8::try_from(CAUGHT.load(Relaxed)).ok().filter(|&signal| signal != 0)
}
