//! The first call.
//!
//! It may come from ld.so, from an early constructor, or from a signal handler. It cannot wait for a
//! constructor of ours. So `start` allocates nothing, and does the same however often it runs: if a
//! signal interrupts it, or two threads are first at once, both run it to the end with the same result.
//! Its only lock is the first arena's, for which a signal handler that interrupts it does not wait.

#![allow(unsafe_code)]

use super::option_keys;
use super::options::{self, HugePages};
use super::statics::{self, MAPPINGS};
use crate::base::{checksum, pointer};
use crate::process::helper_call;
use crate::sys::linux::Linux;
use crate::sys::pages::PageSource;
use crate::sys::{auxv, calls, mmap, valgrind};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// How far the start has come.
static START: Start = Start { ready: AtomicBool::new(false), starting: AtomicU32::new(0) };

struct Start {
    /// Whether the start is done.
    ready: AtomicBool,
    /// How many threads are in `start`, or `SEALED`.
    starting: AtomicU32,
}

/// No thread is in `start`, and none will enter it.
const SEALED: u32 = 1 << 31;

/// Makes sure that the runtime has started. Under Miri there is none: all words have their defaults.
#[inline]
pub fn ensure() {
    if !cfg!(miri) && !START.ready.load(Ordering::Acquire) {
        start();
    }
}

#[cold]
#[inline(never)]
fn start() {
    // A thread in here writes to words that become read-only when the last one leaves. After that
    // nothing is left to do.
    let enter = |starting: u32| (starting != SEALED).then(|| starting + 1);
    if START.starting.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).is_err() {
        return;
    }
    checksum::set_secret(secret());
    valgrind::start();
    if valgrind::listens() {
        options::set_for_valgrind();
    }
    option_keys::read_environment();
    helper_call::begin();
    MAPPINGS.set_huge(match options::huge_pages() {
        HugePages::Auto => None,
        HugePages::Always => Some(true),
        HugePages::Never => Some(false),
    });
    statics::init(0);
    START.ready.store(true, Ordering::Release);
    // If a thread that was in here is gone, as in the child of a fork, the words never become read-only.
    START.starting.fetch_sub(1, Ordering::Release);
    if START.starting.compare_exchange(0, SEALED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        mmap::make_read_only();
    }
}

/// The secret: random bytes asked for now, mixed with those that the kernel gave the process at its
/// start. The libc makes its own secrets from the latter. Either would do. Without both, the secret
/// is made of addresses and the time, and could be guessed.
fn secret() -> u64 {
    let given = auxv::get(libc::AT_RANDOM).map(|address| {
        // SAFETY: AT_RANDOM points at sixteen bytes that live as long as the process.
        unsafe { pointer::at::<[u64; 2]>(address).read_unaligned() }
    });
    let asked = calls::random();
    let [low, high] = match (given, asked) {
        (None, None) => [(&raw const START).addr() as u64, (&raw const given).addr() as u64 ^ Linux.now() << 48],
        _ => given.unwrap_or_default(),
    };
    let given = (low ^ 0x2545_f491_4f6c_dd1d).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high.rotate_left(32);
    given ^ asked.unwrap_or_default()
}

/// Whether the process runs under valgrind.
pub fn on_valgrind() -> bool {
    ensure();
    valgrind::runs()
}
