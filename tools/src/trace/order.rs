//! The calls of all threads, in the order in which they were made, and their blocks.
//!
//! Each thread's calls are in order. Of two threads' calls the earlier one comes first, but the clock is coarse, and a
//! `realloc` is noted only when it returns, while its old block may be in other hands already. So what says the last word
//! are the addresses: a call that frees one that is not allocated, or returns one that is, waits for the call that makes it
//! right. If none comes that can have been made before, the trace lacks a call, and it is taken as it is.

use super::event::{Call, Event};
use super::packed::content::{Live, Moment};
use super::read::Trace;
use super::record::{Clock, Record};
use foldhash::fast::FixedState;
use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};

/// How far two calls' times may be in the wrong order, in nanoseconds: what the clock cannot tell, and what the counters of
/// two processors are apart.
const DOUBT: f64 = 4_000.0;

/// A thread's calls.
struct Stream {
    /// How many of its chunks have been read.
    chunk: usize,
    records: Vec<Record>,
    /// The next one's place.
    at: usize,
    /// Whether the next call waits for another thread's.
    waits: bool,
}

impl Stream {
    fn head(&self) -> Option<&Record> {
        self.records.get(self.at)
    }
}

/// A thread that waits until the clock has passed a moment, or an address has changed hands.
struct Waiting {
    thread: usize,
    address: u64,
    until: u64,
}

/// The events of a trace. Memory is needed for what is live, and for a chunk of each thread.
pub struct Events<'t> {
    trace: &'t Trace,
    clock: Clock,
    doubt: u64,
    streams: Vec<Stream>,
    /// When each thread's next call was made. What is in it for a thread that has gone on, or waits, does not count.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    waiting: Vec<Waiting>,
    /// The thread whose next call is the next of all.
    running: Option<usize>,
    live: HashMap<u64, u64, FixedState>,
    blocks: u64,
    anomalies: u64,
    damaged: u64,
    latest: u64,
    from: u64,
    to: u64,
}

impl<'t> Events<'t> {
    /// Those of a time.
    pub(super) fn of(trace: &'t Trace, from: u64, to: u64) -> Self {
        let clock = trace.clock();
        let streams = trace.threads().iter().map(|_| Stream { chunk: 0, records: Vec::new(), at: 0, waits: false });
        let begins = trace.threads().iter().enumerate();
        let begins = begins.map(|(thread, one)| Reverse((one.chunks.first().map_or(0, |chunk| chunk.begun), thread)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let doubt = (DOUBT / clock.unit.max(1e-3)).ceil() as u64;
        let mut events = Self {
            trace,
            clock,
            doubt,
            streams: streams.collect(),
            next: begins.collect(),
            waiting: Vec::new(),
            running: None,
            live: HashMap::default(),
            blocks: 0,
            anomalies: 0,
            damaged: 0,
            latest: 0,
            from,
            to,
        };
        if let Some((moment, live)) = (from > 0).then(|| trace.moment(from)).flatten() {
            events.start_at(moment, &live);
        }
        events
    }

    /// Goes on from a moment, without what was before.
    fn start_at(&mut self, moment: &Moment, live: &[Live]) {
        self.live = live.iter().map(|live| (live.address, live.block)).collect();
        (self.blocks, self.latest) = (moment.blocks, moment.at);
        for (thread, &(chunks, calls)) in moment.positions.iter().enumerate().take(self.streams.len()) {
            if chunks != 0 {
                self.streams[thread].chunk = chunks as usize - 1;
                self.load(thread);
                self.streams[thread].at = calls as usize;
                self.queue(thread);
            }
        }
    }

    /// This moment, for `start_at`.
    pub(super) fn positions(&self) -> Vec<(u32, u32)> {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.streams.iter().map(|stream| (place(stream.chunk), place(stream.at))).collect()
    }

    /// Blocks so far.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Calls that made no sense so far: frees of what was not allocated, and allocations of what was not free.
    pub fn anomalies(&self) -> u64 {
        self.anomalies
    }

    /// Chunks so far that could not be read.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The thread whose call is to be looked at, and whether it has waited long enough.
    fn pick(&mut self) -> Option<(usize, bool)> {
        loop {
            let first = self.next.peek().map(|&Reverse((clock, _))| clock);
            let over = self.waiting.iter().position(|waiting| first.is_none_or(|first| first > waiting.until));
            if let Some(over) = over {
                let thread = self.waiting.swap_remove(over).thread;
                self.streams[thread].waits = false;
                return Some((thread, true));
            }
            let Reverse((clock, thread)) = self.next.pop()?;
            let stream = &self.streams[thread];
            match stream.head() {
                None if stream.chunk == 0 => self.queue(thread),
                Some(record) if record.clock == clock && !stream.waits => return Some((thread, false)),
                _ => {}
            }
        }
    }

    /// Has a thread's next call come when it is its turn.
    fn queue(&mut self, thread: usize) {
        if self.load(thread)
            && let Some(record) = self.streams[thread].head()
        {
            self.next.push(Reverse((record.clock, thread)));
        }
    }

    /// Reads chunks of a thread until it has a next call.
    fn load(&mut self, thread: usize) -> bool {
        let stream = &mut self.streams[thread];
        while stream.head().is_none() {
            let Some(chunk) = self.trace.threads()[thread].chunks.get(stream.chunk) else {
                stream.records = Vec::new();
                return false;
            };
            stream.chunk += 1;
            stream.at = 0;
            stream.records = self.trace.records(chunk).unwrap_or_else(|| {
                self.damaged += 1;
                Vec::new()
            });
        }
        true
    }

    /// The address that keeps a call from making sense, and whether it is allocated.
    fn obstacle(&self, record: &Record) -> Option<(u64, bool)> {
        let taken = record.taken();
        if taken != 0 && !self.live.contains_key(&taken) {
            return Some((taken, false));
        }
        (record.new != 0 && record.new != taken && self.live.contains_key(&record.new)).then_some((record.new, true))
    }

    /// A thread whose next call takes back an address, and makes sense: a `realloc` that has not returned yet, or what may
    /// have been before `clock`.
    fn taker(&self, address: u64, thread: usize, clock: u64) -> Option<usize> {
        self.streams.iter().enumerate().position(|(other, stream)| {
            stream.head().is_some_and(|record| {
                let may_be = record.call == Call::Realloc || record.clock <= clock + self.doubt;
                other != thread && record.taken() == address && may_be && self.obstacle(record).is_none()
            })
        })
    }

    /// Takes the next call of a thread as made now, though not later than `clock`.
    fn apply(&mut self, thread: usize, clock: u64) -> Event {
        let stream = &mut self.streams[thread];
        let record = stream.records[stream.at];
        let taken = record.taken();
        self.latest = self.latest.max(self.clock.nanoseconds(record.clock.min(clock)));
        let mut block = 0;
        if record.new != 0 && record.new != taken {
            match self.live.entry(record.new) {
                Entry::Occupied(_) => return self.make_up_free(thread, record.new),
                Entry::Vacant(place) => place.insert(self.blocks + 1),
            };
        }
        let mut old = 0;
        if taken != 0 {
            old = self.live.remove(&taken).unwrap_or_else(|| {
                self.anomalies += 1;
                0
            });
        }
        if record.new != 0 {
            self.blocks += 1;
            block = self.blocks;
            if record.new == taken {
                self.live.insert(record.new, block);
            }
        }
        self.streams[thread].at += 1;
        self.go_on(thread);
        if !self.waiting.is_empty() {
            self.wake(taken);
            self.wake(record.new);
        }
        Event {
            at: self.latest,
            thread: u32::try_from(thread).unwrap_or(u32::MAX),
            call: record.call,
            block,
            old,
            address: if record.call.is_free() { record.old } else { record.new },
            size: record.size,
            align: record.align,
            stack: record.stack,
        }
    }

    /// The free that the trace lacks: the thread's next call has got the address. That call comes next.
    fn make_up_free(&mut self, thread: usize, address: u64) -> Event {
        self.anomalies += 1;
        let old = self.live.remove(&address).unwrap_or(0);
        self.running = Some(thread);
        Event {
            at: self.latest,
            thread: u32::try_from(thread).unwrap_or(u32::MAX),
            call: Call::Free,
            block: 0,
            old,
            address,
            size: 0,
            align: 0,
            stack: 0,
        }
    }

    /// A thread's next call is queued, or is the next of all.
    fn go_on(&mut self, thread: usize) {
        if !self.load(thread) {
            return;
        }
        let Some(record) = self.streams[thread].head() else { return };
        let clock = record.clock;
        if self.waiting.is_empty() && self.next.peek().is_none_or(|&Reverse((first, _))| clock <= first) {
            self.running = Some(thread);
        } else {
            self.next.push(Reverse((clock, thread)));
        }
    }

    /// Threads that wait for an address look again.
    fn wake(&mut self, address: u64) {
        let mut at = 0;
        while at < self.waiting.len() {
            if self.waiting[at].address == address {
                let thread = self.waiting.swap_remove(at).thread;
                self.streams[thread].waits = false;
                self.queue(thread);
            } else {
                at += 1;
            }
        }
    }

    /// The next event, from the start on.
    fn step(&mut self) -> Option<Event> {
        loop {
            let (thread, is_over) = match self.running.take() {
                Some(thread) => (thread, false),
                None => self.pick()?,
            };
            let Some(&record) = self.streams[thread].head() else { continue };
            // Where there is one thread it need not wait for any.
            let obstacle = if self.streams.len() == 1 { None } else { self.obstacle(&record) };
            match obstacle {
                Some((address, is_live)) if !is_over => {
                    self.wait(thread, record.clock, address);
                    if is_live && let Some(other) = self.taker(address, thread, record.clock) {
                        self.unwait(other);
                        return Some(self.apply(other, record.clock));
                    }
                }
                _ => return Some(self.apply(thread, record.clock)),
            }
        }
    }

    fn wait(&mut self, thread: usize, clock: u64, address: u64) {
        self.streams[thread].waits = true;
        self.waiting.push(Waiting { thread, address, until: clock.saturating_add(self.doubt) });
    }

    fn unwait(&mut self, thread: usize) {
        self.streams[thread].waits = false;
        self.waiting.retain(|waiting| waiting.thread != thread);
    }
}

impl Trace {
    /// All events.
    pub fn events(&self) -> Events<'_> {
        Events::of(self, 0, u64::MAX)
    }

    /// The events of a time: nanoseconds from the start, the last one not included. Blocks have the same numbers as in
    /// `events`.
    pub fn events_between(&self, from: u64, to: u64) -> Events<'_> {
        Events::of(self, from, to)
    }
}

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.step()?;
            if event.at >= self.to {
                return None;
            }
            if event.at >= self.from {
                return Some(event);
            }
        }
    }
}
