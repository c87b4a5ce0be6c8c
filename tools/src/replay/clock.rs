//! How long turns take. A long turn is measured by the CPU time of its thread, which nothing else on the machine changes.
//! To ask for that is a system call, so a short one is measured by the monotonic clock. What asking takes is taken off.

#![allow(unsafe_code)]

/// Turns of so many calls are long.
const LONG: u64 = 256;
const TRIES: usize = 200;

/// The clocks, and what it takes to ask them.
#[derive(Clone, Copy, Default)]
pub struct Clock {
    cost: [u64; 2],
}

const CLOCKS: [libc::clockid_t; 2] = [libc::CLOCK_MONOTONIC, libc::CLOCK_THREAD_CPUTIME_ID];

/// Nanoseconds of a clock.
pub fn now(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the time.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

impl Clock {
    /// Measures what asking takes.
    pub fn new() -> Self {
        let cost = |clock| {
            let once = |_| {
                let before = now(clock);
                now(clock) - before
            };
            (0..TRIES).map(once).min().unwrap_or(0)
        };
        Self { cost: CLOCKS.map(cost) }
    }

    /// A watch that stands still until it is told of a turn.
    pub fn watch(&self) -> Watch<'_> {
        Watch { clock: self, which: 0, since: None, sum: 0 }
    }
}

/// A watch of one turn.
pub struct Watch<'a> {
    clock: &'a Clock,
    which: usize,
    since: Option<u64>,
    sum: u64,
}

impl Watch<'_> {
    /// Starts for a turn of so many calls.
    pub fn turn(&mut self, calls: u64) {
        self.pause();
        self.which = usize::from(calls >= LONG);
        self.since = Some(now(CLOCKS[self.which]));
    }

    /// Stands still.
    pub fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            let passed = now(CLOCKS[self.which]) - since;
            self.sum += passed.saturating_sub(self.clock.cost[self.which]);
        }
    }

    /// Goes on.
    pub fn go_on(&mut self) {
        self.since = Some(now(CLOCKS[self.which]));
    }

    /// Nanoseconds so far.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}
