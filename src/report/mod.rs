//! L6: what is known of a pointer, in words: who owns it, what stands there, what is wrong with it,
//! and what a fault means.

pub mod checked_block;
pub mod fault;
pub mod foreign;
pub mod guard_pool;
pub mod guarded_block;
pub mod layout;
pub mod misuse;
pub mod trailer;
