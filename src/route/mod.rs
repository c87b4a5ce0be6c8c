//! L7: where a request is served, and whom a pointer goes back to.

pub mod release;
