//! L8: the profile: samples of what a program allocates, with their stacks.
//!
//! ```text
//!     malloc -> one byte in `rate` is sampled -> the block comes from the heap of samples
//!                                                |                    beside it an *anchor*: the object that would have
//!                                                v                    served the request keeps its place
//!     table     | head | stacks: frames, counts, bytes ... | live samples: address, stack, size, weight, anchor |
//! ```
//!
//! Free finds a sampled block by where it stands, so no other free pays for that. The anchor shows where the block
//! would be: which pages it would hold.

pub mod live;
pub mod sample;
pub mod stacks;
pub mod table;
