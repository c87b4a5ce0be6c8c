//! The plan of a replay: a trace as operations that need nothing but a table of pointers. Blocks become slots of that
//! table, which are used again, and calls of one thread in a row become a turn.

use super::lanes::Lanes;
use super::op::{Kind, Op};
use crate::trace::event::{Call, Event};
use std::collections::HashMap;
use std::io::{self, Write};

/// A longer turn is cut, so that not all of it has to be kept.
const LONGEST: usize = 64 << 10;
/// How many moments are looked at.
pub const MOMENTS: u64 = 200;

/// A moment of the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The operation before which it is.
    pub op: u64,
    /// Calls of the trace so far.
    pub call: u64,
    /// Nanoseconds from the trace's start.
    pub at: u64,
    /// Bytes asked for, and not freed yet.
    pub live: u64,
}

/// What a plan has.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Operations.
    pub ops: u64,
    /// Pointers at a time.
    pub slots: u32,
    /// Threads at a time.
    pub lanes: u32,
    /// Calls of the allocator.
    pub calls: u64,
    /// Calls of the trace that are left out, as they failed or gave back what is not in the trace.
    pub left_out: u64,
    /// Times that another thread goes on.
    pub turns: u64,
    /// Of each part of the trace the moment with most bytes live.
    pub moments: Vec<Moment>,
    /// Those that were asked for.
    pub marked: Vec<Moment>,
    /// The end.
    pub end: Moment,
}

impl Plan {
    /// The moment with most bytes live.
    pub fn peak(&self) -> Moment {
        // Of several the first.
        self.moments.iter().rev().copied().max_by_key(|moment| moment.live).unwrap_or_default()
    }
}

/// What has to be known of a trace before its plan is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Calls.
    pub calls: u64,
    /// By thread, the index of its last call.
    pub last: Vec<u64>,
}

impl Outline {
    /// Adds the next call.
    pub fn add(&mut self, event: &Event) {
        let thread = event.thread as usize;
        if self.last.len() <= thread {
            self.last.resize(thread + 1, 0);
        }
        self.last[thread] = self.calls;
        self.calls += 1;
    }
}

/// A plan that is made.
pub struct Planner<W> {
    out: W,
    outline: Outline,
    lanes: Lanes,
    /// One lane for all threads.
    is_alone: bool,
    plan: Plan,
    blocks: HashMap<u64, (u32, u64)>,
    free: Vec<u32>,
    /// The lane that runs, and what it has run in this turn.
    lane: u32,
    turn: Vec<Op>,
    turn_calls: u64,
    /// A lane that has ended, and was not waited for.
    ended: Option<u32>,
    now: Moment,
    best: Option<Moment>,
    marks: Vec<u64>,
}

impl<W: Write> Planner<W> {
    /// A plan that is written to `out`. `marks` are numbers of calls, in their order, before which somebody wants to stop.
    pub fn new(out: W, outline: Outline, most_lanes: usize, marks: &[u64]) -> Self {
        let lanes = Lanes::new(outline.last.clone(), most_lanes);
        Self {
            out,
            outline,
            lanes,
            is_alone: most_lanes <= 1,
            plan: Plan::default(),
            blocks: HashMap::new(),
            free: Vec::new(),
            lane: 0,
            turn: Vec::new(),
            turn_calls: 0,
            ended: None,
            now: Moment::default(),
            best: None,
            marks: marks.iter().rev().copied().collect(),
        }
    }

    /// Adds the next call.
    pub fn add(&mut self, event: &Event) -> io::Result<()> {
        self.mark();
        let before = self.now.call;
        let mut place = self.lanes.place(event.thread, before);
        if self.is_alone {
            (place.lane, place.starts, place.ends) = (0, false, false);
        }
        if place.starts {
            self.turn.push(Op::lane(Kind::Start, place.lane));
        }
        if place.lane != self.lane || self.turn.len() >= LONGEST {
            self.hand_over(place.lane)?;
        }
        match self.op(event) {
            Some(op) => {
                self.turn.push(op);
                self.turn_calls += 1;
            }
            None => self.plan.left_out += 1,
        }
        if place.ends {
            self.turn.push(Op::lane(Kind::End, place.lane));
            self.ended = Some(place.lane);
        }
        self.now.call += 1;
        self.now.at = event.at;
        self.look(before);
        if place.ends {
            // A lane that has ended runs nothing more.
            self.hand_over(0)?;
        }
        Ok(())
    }

    /// Ends it.
    pub fn finish(mut self) -> io::Result<(Plan, W)> {
        self.mark();
        if self.lane != 0 {
            self.hand_over(0)?;
        }
        self.turn.push(Op::lane(Kind::Finish, 0));
        self.now.op = self.next();
        // Before the last operation.
        self.plan.end = Moment { op: self.now.op - 1, ..self.now };
        self.plan.moments.extend(self.best.take());
        self.write_turn()?;
        self.out.flush()?;
        self.plan.lanes = if self.is_alone { 1 } else { u32::try_from(self.lanes.count()).unwrap_or(1) };
        Ok((self.plan, self.out))
    }

    /// The place of the next operation: the turn that is kept has one before it.
    fn next(&self) -> u64 {
        self.plan.ops + 1 + self.turn.len() as u64
    }

    fn mark(&mut self) {
        while self.marks.last().is_some_and(|&mark| mark <= self.now.call || self.now.call == self.outline.calls) {
            self.marks.pop();
            let moment = Moment { op: self.next(), ..self.now };
            self.plan.marked.push(moment);
        }
    }

    /// Keeps the moment behind a call if it has the most bytes of its part of the trace.
    fn look(&mut self, call: u64) {
        self.now.op = self.next();
        if self.best.is_none_or(|best| self.now.live > best.live) {
            self.best = Some(self.now);
        }
        let part = |call: u64| u128::from(call) * u128::from(MOMENTS) / u128::from(self.outline.calls.max(1));
        if part(call + 1) != part(call) {
            self.plan.moments.extend(self.best.take());
        }
    }

    fn hand_over(&mut self, lane: u32) -> io::Result<()> {
        self.write_turn()?;
        self.lane = lane;
        if let Some(ended) = self.ended.take() {
            self.turn.push(Op::lane(Kind::Join, ended));
        }
        Ok(())
    }

    fn write_turn(&mut self) -> io::Result<()> {
        let head = Op { size: self.turn_calls, ..Op::lane(Kind::Turn, self.lane) };
        self.out.write_all(&head.bytes())?;
        for op in &self.turn {
            self.out.write_all(&op.bytes())?;
        }
        self.plan.turns += 1;
        self.plan.calls += self.turn_calls;
        self.plan.ops += 1 + self.turn.len() as u64;
        self.turn.clear();
        self.turn_calls = 0;
        Ok(())
    }

    fn op(&mut self, event: &Event) -> Option<Op> {
        let Event { call, block, old, size, align, .. } = *event;
        match call {
            Call::Free | Call::Delete => self.give(old),
            // One to size 0 is a free; one that failed changed nothing.
            Call::Realloc if block == 0 => {
                if size == 0 {
                    self.give(old)
                } else {
                    None
                }
            }
            Call::Realloc => match self.blocks.remove(&old) {
                Some((slot, bytes)) => {
                    self.blocks.insert(block, (slot, size));
                    self.now.live = self.now.live - bytes + size;
                    Some(Op::call(Kind::Realloc, slot, 0, size))
                }
                // Of null, or of a block from before the trace.
                None => Some(self.take(Kind::Malloc, block, 0, size)),
            },
            _ if block == 0 => None,
            Call::Calloc => Some(self.take(Kind::Calloc, block, 0, size)),
            Call::Aligned | Call::New | Call::Malloc if align != 0 => {
                Some(self.take(Kind::Aligned, block, align, size))
            }
            Call::Aligned | Call::New | Call::Malloc => Some(self.take(Kind::Malloc, block, 0, size)),
        }
    }

    fn take(&mut self, kind: Kind, block: u64, align: u8, size: u64) -> Op {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.plan.slots += 1;
            self.plan.slots - 1
        });
        self.blocks.insert(block, (slot, size));
        self.now.live += size;
        Op::call(kind, slot, align, size)
    }

    fn give(&mut self, block: u64) -> Option<Op> {
        let (slot, bytes) = self.blocks.remove(&block)?;
        self.free.push(slot);
        self.now.live -= bytes;
        Some(Op::call(Kind::Free, slot, 0, 0))
    }
}

#[cfg(test)]
mod tests;
