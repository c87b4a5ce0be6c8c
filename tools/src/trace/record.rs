//! A call as a trace's chunks have it: with addresses, and the clock of its machine.

use super::event::Call;

/// What was written down of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When: the process's clock. An allocation is noted when it returned, a free when it was called.
    pub clock: u64,
    /// Which call.
    pub call: Call,
    /// The address that it returned; 0 for null, and for frees.
    pub new: u64,
    /// The address that it was given; 0 for null, and for allocations.
    pub old: u64,
    /// Bytes asked for; 0 for frees.
    pub size: u64,
    /// The binary logarithm of the alignment; 0 for the usual.
    pub align: u8,
    /// The stack's number; 0 for none.
    pub stack: u32,
}

impl Record {
    /// The address that the call took back: a `realloc` that failed takes nothing.
    pub fn taken(&self) -> u64 {
        if self.call == Call::Realloc && self.new == 0 && self.size != 0 { 0 } else { self.old }
    }
}

impl Call {
    /// The call of a number, which both formats use.
    pub fn of(number: u64) -> Option<Self> {
        const ALL: [Call; 7] =
            [Call::Malloc, Call::Calloc, Call::Aligned, Call::New, Call::Realloc, Call::Free, Call::Delete];
        ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }

    /// Whether it is `free` or `delete`.
    pub fn is_free(self) -> bool {
        matches!(self, Self::Free | Self::Delete)
    }
}

/// The clock of a process as nanoseconds. It runs evenly.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Clock {
    /// The clock at the trace's start.
    pub start: u64,
    /// Nanoseconds of one unit.
    pub unit: f64,
}

/// A moment as the process's clock has it, and in nanoseconds of `CLOCK_MONOTONIC`.
pub type Moment = (u64, u64);

impl Clock {
    /// From the moment of the start, when it was `real` nanoseconds since 1970, and the latest that is known. If there is
    /// too little between them, and the process ran on this machine since it was started, from now.
    pub fn of(start: Moment, real: u64, latest: Moment) -> Self {
        let here = || now_after(start, real).and_then(|now| Self::between(start, now));
        let guessed = Self { start: start.0, unit: USUAL_UNIT };
        Self::between(start, latest).or_else(here).unwrap_or(guessed)
    }

    fn between(start: Moment, later: Moment) -> Option<Self> {
        let (ticks, time) = (later.0.checked_sub(start.0)?, later.1.checked_sub(start.1)?);
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        (ticks != 0 && time > LEAST_BASE).then(|| Self { start: start.0, unit: time as f64 / ticks as f64 })
    }

    /// Nanoseconds from the start.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "53 bits of time"
    )]
    pub fn nanoseconds(&self, clock: u64) -> u64 {
        (clock.saturating_sub(self.start) as f64 * self.unit) as u64
    }
}

/// Two readings of two clocks are some 50 ns apart: over this much time that is nothing.
const LEAST_BASE: u64 = 5_000_000;
/// 64 ticks of a counter of 2.5 GHz.
const USUAL_UNIT: f64 = 25.6;

/// This moment, if this machine has counted on since another one.
fn now_after(start: Moment, real: u64) -> Option<Moment> {
    // A machine that was started again has another difference between its clocks.
    const SAME: u64 = 2_000_000_000;
    let now = (metes::internals::clock::ticks(), nanoseconds(libc::CLOCK_MONOTONIC));
    let (then, here) = (real.checked_sub(start.1)?, nanoseconds(libc::CLOCK_REALTIME).checked_sub(now.1)?);
    (now.1 > start.1 && now.0 > start.0 && then.abs_diff(here) < SAME).then_some(now)
}

#[expect(unsafe_code, reason = "the standard library has no number for its clocks")]
fn nanoseconds(clock: libc::clockid_t) -> u64 {
    // SAFETY: the kernel writes a structure of the right type.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(clock, &raw mut time);
        time
    };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
