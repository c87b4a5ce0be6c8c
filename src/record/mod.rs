//! L6: the recording: every allocation call, in a file that a tool reads while it grows.
//!
//! ```text
//!     call -> slow path, as the thread's cache pointer leads to its blind head (sys::blind)
//!               |  window: the thread has its cache back, the call is served as ever, and is written down
//!               v
//!     file    | head | chunk of thread 1 | chunk of thread 2 | stacks | chunk of thread 1 | ...      mapped
//! ```
//!
//! What the file has is in docs/design/trace.md. The fast paths know nothing of this.

pub mod file;
pub mod path;
pub mod recorder;
pub mod stacks;
pub mod window;
