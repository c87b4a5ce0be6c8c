//! How a trace ended.

/// How a trace ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ending {
    /// Whether the process came to its exit while it was recorded: else it was killed, or runs still.
    pub exited: bool,
    /// Calls that could not be recorded.
    pub missed: u64,
    /// Whether the recording stopped before the process did, as the disk was full.
    pub stopped: bool,
    /// Whether the file ends before its end: the rest was lost.
    pub cut: bool,
}
