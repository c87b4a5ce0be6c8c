//! Lanes: the threads of a replay. Each thread of the trace has one from its first call to its last, so that a trace of
//! thousands of short threads needs few at a time. Where more are alive than there may be, several share one.

/// No more threads are alive at a time.
pub const MOST: usize = 256;

/// What becomes of lanes with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The lane that makes it.
    pub lane: u32,
    /// Whether its thread has to be started first.
    pub starts: bool,
    /// Whether its thread ends behind it.
    pub ends: bool,
}

/// Which lane a thread has.
pub struct Lanes {
    /// By thread, the index of its last call.
    last: Vec<u64>,
    /// By thread, its lane.
    lanes: Vec<Option<u32>>,
    /// By lane, how many threads have it.
    users: Vec<u32>,
    /// Lanes that nobody has, the last one to be taken first.
    free: Vec<u32>,
    most: usize,
}

impl Lanes {
    /// For threads whose last calls are known, at most so many at a time.
    pub fn new(last: Vec<u64>, most: usize) -> Self {
        let lanes = vec![None; last.len()];
        Self { last, lanes, users: Vec::new(), free: Vec::new(), most: most.max(1) }
    }

    /// How many there have been at a time.
    pub fn count(&self) -> usize {
        self.users.len().max(1)
    }

    /// The lane of a thread's call. The first lane is that of the process's first thread, which never ends.
    pub fn place(&mut self, thread: u32, call: u64) -> Place {
        let index = thread as usize;
        let (lane, starts) = match self.lanes[index] {
            Some(lane) => (lane, false),
            None => self.take(index),
        };
        let is_last = self.last[index] == call;
        let mut ends = false;
        if is_last && lane != 0 {
            self.users[lane as usize] -= 1;
            ends = self.users[lane as usize] == 0;
            if ends {
                self.free.push(lane);
            }
        }
        Place { lane, starts, ends }
    }

    fn take(&mut self, thread: usize) -> (u32, bool) {
        let (lane, starts) = if let Some(lane) = self.free.pop() {
            (lane, true)
        } else if self.users.len() < self.most {
            self.users.push(0);
            let lane = u32::try_from(self.users.len() - 1).unwrap_or(0);
            (lane, lane != 0)
        } else {
            (u32::try_from(thread % self.most).unwrap_or(0), false)
        };
        self.users[lane as usize] += 1;
        self.lanes[thread] = Some(lane);
        (lane, starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lane: u32, starts: bool, ends: bool) -> Place {
        Place { lane, starts, ends }
    }

    #[test]
    fn a_thread_has_a_lane_from_its_first_call_to_its_last() {
        // Thread 1 calls at 1 and 2, thread 2 at 3 only, and the first one before and behind them.
        let mut lanes = Lanes::new(vec![4, 2, 3], 8);
        assert_eq!(lanes.place(0, 0), place(0, false, false));
        assert_eq!(lanes.place(1, 1), place(1, true, false));
        assert_eq!(lanes.place(1, 2), place(1, false, true));
        assert_eq!(lanes.place(2, 3), place(1, true, true));
        assert_eq!(lanes.place(0, 4), place(0, false, false));
        assert_eq!(lanes.count(), 2);
    }

    #[test]
    fn threads_share_lanes_where_there_are_too_many() {
        let mut lanes = Lanes::new(vec![0, 5, 4, 6], 2);
        assert_eq!(lanes.place(0, 0), place(0, false, false));
        assert_eq!(lanes.place(1, 1), place(1, true, false));
        assert_eq!(lanes.place(3, 2), place(1, false, false));
        assert_eq!(lanes.place(2, 4), place(0, false, false));
        // The lane ends with the last thread that has it.
        assert_eq!(lanes.place(1, 5), place(1, false, false));
        assert_eq!(lanes.place(3, 6), place(1, false, true));
    }
}
