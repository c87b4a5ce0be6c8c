//! The window of a recorded call: the thread has its cache back in it, and the calls that are made within are not recorded.

use super::file;
use super::recorder::{self, Call, Recorder};
use crate::sys::blind::{self, Kind};
use crate::sys::thread;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

/// Forks so far: a window that began before one has no recorder afterwards.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A call that is being recorded.
pub struct Window {
    recorder: &'static Recorder,
    forks: u32,
}

impl Window {
    /// Opens a window for a call that has come to its slow path. `None` if the call is part of one that is recorded already, or
    /// if nothing is recorded.
    pub fn open() -> Option<Self> {
        let head = thread::cache();
        let recorder = match blind::kind(head) {
            // Within a window, or a thread that had its cache before the recording began.
            Kind::Cache | Kind::Inside => return None,
            _ if thread::is_forking() => return None,
            Kind::Outside => recorder::at(head),
            Kind::Nobody => {
                if !file::is_on() {
                    return None;
                }
                recorder::claim().or_else(|| {
                    file::miss();
                    None
                })?
            }
        };
        let cache = recorder.outside.cache();
        if !file::is_on() {
            thread::set_cache(if cache == 0 { thread::no_cache() } else { cache });
            return None;
        }
        thread::set_cache(if cache == 0 { recorder.inside.head() } else { cache });
        Some(Self { recorder, forks: FORKS.load(Relaxed) })
    }

    /// Closes the window after an allocation, and writes it down.
    pub fn allocated(self, call: Call, address: usize, size: usize, align: usize, old: usize) {
        if self.is_mine() {
            self.recorder.allocation(call, address, size, align, old);
            self.close();
        }
    }

    /// Writes down that an address is to be given back.
    pub fn frees(&self, call: Call, address: usize) {
        if self.is_mine() {
            self.recorder.free(call, address);
        }
    }

    /// Closes the window.
    pub fn close(self) {
        if self.is_mine() {
            let now = thread::cache();
            let is_cache = blind::kind(now) == Kind::Cache;
            self.recorder.outside.set_cache(if is_cache { now } else { 0 });
            thread::set_cache(self.recorder.outside.head());
        }
    }

    fn is_mine(&self) -> bool {
        self.forks == FORKS.load(Relaxed)
    }
}

/// In a forked child: the thread keeps its recorder, which begins anew, unless it has forked within a window.
pub fn begin_in_child() {
    FORKS.fetch_add(1, Relaxed);
    let head = thread::cache();
    match blind::kind(head) {
        Kind::Outside => recorder::begin_in_child(Some(recorder::at(head))),
        Kind::Inside => {
            recorder::begin_in_child(None);
            thread::set_cache(thread::no_cache());
        }
        _ => recorder::begin_in_child(None),
    }
}
