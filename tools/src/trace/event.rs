//! What a trace says of one call.

/// Which call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Call {
    /// `malloc`.
    Malloc = 1,
    /// `calloc`.
    Calloc = 2,
    /// `aligned_alloc` and its like.
    Aligned = 3,
    /// C++'s `operator new`.
    New = 4,
    /// `realloc`.
    Realloc = 5,
    /// `free`.
    Free = 6,
    /// C++'s `operator delete`.
    Delete = 7,
}

/// A call. Events of a trace come in the order in which the calls were made, over all threads: a block is allocated
/// before it is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds from the trace's start.
    pub at: u64,
    /// The thread: its index in the trace's list, in the order of their first calls.
    pub thread: u32,
    /// Which call it was.
    pub call: Call,
    /// The block that the call returned: blocks are numbered from 1 on as they are allocated, and `realloc` always
    /// makes a new one. 0 if it returned null, and for frees.
    pub block: u64,
    /// The block that the call took back: the argument of `free` and `realloc`. 0 for none, also for one whose allocation
    /// is not in the trace.
    pub old: u64,
    /// The block's address, or that which was freed. 0 for null.
    pub address: u64,
    /// Bytes asked for; 0 for frees.
    pub size: u64,
    /// The binary logarithm of the alignment; 0 for the usual.
    pub align: u8,
    /// The stack's number; 0 for none.
    pub stack: u32,
}
