//! An operation of a plan: 16 bytes, as they stand in the plan's file.

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// From here on this lane runs, `size` calls in all.
    Turn = 1,
    /// This lane's thread is started.
    Start = 2,
    /// The lane that runs ends when it hands over.
    End = 3,
    /// The lane that has ended is waited for.
    Join = 4,
    /// All is done.
    Finish = 5,
    /// `malloc` into a slot.
    Malloc = 6,
    /// `calloc` into a slot.
    Calloc = 7,
    /// `posix_memalign` into a slot.
    Aligned = 8,
    /// `realloc` of what is in a slot.
    Realloc = 9,
    /// `free` of what is in a slot.
    Free = 10,
}

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Op {
    /// The slot of the table of pointers, or the lane.
    pub slot: u32,
    /// What is done.
    pub kind: Kind,
    /// The binary logarithm of the alignment.
    pub align: u8,
    /// So that all bytes of the file are words of something.
    pub unused: u16,
    /// Bytes asked for, or calls of a turn.
    pub size: u64,
}

impl Op {
    /// A call.
    pub fn call(kind: Kind, slot: u32, align: u8, size: u64) -> Self {
        Self { slot, kind, align, unused: 0, size }
    }

    /// What concerns a lane.
    pub fn lane(kind: Kind, lane: u32) -> Self {
        Self { slot: lane, kind, align: 0, unused: 0, size: 0 }
    }

    /// As it stands in the file.
    pub fn bytes(&self) -> [u8; size_of::<Self>()] {
        let mut bytes = [0; size_of::<Self>()];
        bytes[..4].copy_from_slice(&self.slot.to_ne_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = self.align;
        bytes[8..].copy_from_slice(&self.size.to_ne_bytes());
        bytes
    }
}
