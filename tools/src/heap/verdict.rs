//! What the picture means: whether a process that is too large leaks, keeps, or is fragmented, and what helps.

use super::usage::Usage;
use crate::text::{bytes, percent};
use serde::Serialize;

/// What most of the memory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The program has it: if that grows without end it is a leak.
    InUse,
    /// Freed blocks wait in the caches of threads.
    Cached,
    /// Freed blocks wait in the quarantine.
    Quarantined,
    /// Free objects share pages with objects in use.
    Fragmented,
    /// Free memory waits to be given back.
    Waiting,
    /// It is not metes'.
    NotOurs,
}

/// A part of all is worth a word from one part in so many on.
const WORTH: u64 = 8;

/// What the largest shares of the resident memory are, the largest first, each with a sentence on what that is and what
/// to do.
pub fn verdicts(usage: &Usage) -> Vec<(Verdict, String)> {
    let parts = &usage.parts;
    let shares = [
        (Verdict::InUse, parts.in_use.resident),
        (Verdict::Cached, parts.cached.resident),
        (Verdict::Quarantined, parts.quarantined.resident),
        (Verdict::Fragmented, parts.free_in_slabs.resident),
        (Verdict::Waiting, parts.free_in_heaps.resident),
        (Verdict::NotOurs, usage.rest.resident),
    ];
    let mut shares: Vec<_> =
        shares.into_iter().filter(|&(_, share)| share != 0 && share >= usage.rss / WORTH).collect();
    shares.sort_by_key(|&(_, share)| std::cmp::Reverse(share));
    shares.into_iter().map(|(verdict, share)| (verdict, sentence(verdict, share, usage))).collect()
}

fn sentence(verdict: Verdict, share: u64, usage: &Usage) -> String {
    let share = format!("{} ({})", bytes(share), percent(share, usage.rss));
    match verdict {
        Verdict::InUse => format!(
            "{share} is in use: the program has not freed it. If this grows without end it is a leak or a cache of the \
             program's own: metes profile says which calls allocated it, metes run --leaks what nothing points at."
        ),
        Verdict::Cached => format!(
            "{share} was freed and waits in the caches of threads. It goes to their next allocations, and back to the heap when a \
             thread sleeps; metes_thread_flush() empties the cache of a thread at once."
        ),
        Verdict::Quarantined => format!(
            "{share} was freed and waits in the quarantine, so that a use of it is found: quarantine= says how much may wait."
        ),
        Verdict::Fragmented => format!(
            "{share} is free in slabs whose pages hold blocks that are in use: fragmentation. \
             metes profile --fragmentation says which calls hold these pages."
        ),
        Verdict::Waiting => format!(
            "{share} is free in the heap and waits to be used again or to go back: decay_ms says for how long, \
             malloc_trim(0) gives it back at once."
        ),
        Verdict::NotOurs => match usage.rest.largest.first() {
            Some((name, _, largest)) => {
                format!("{share} is not from malloc; the largest part of it, {}, is {name}.", bytes(*largest))
            }
            None => format!("{share} is not from malloc."),
        },
    }
}
