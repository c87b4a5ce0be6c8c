//! Leaks: blocks that a program has, and that nothing points to.
//!
//! They come from a program that looks for them itself when it exits (`exit`), or from a process that runs, whose memory
//! is searched from outside: `image` copies it while the process stands still, `blocks` is a table of its blocks, `search`
//! finds which of these can be reached, and `origin` which calls have allocated the others. `found` sorts leaks by where
//! they come from; `page` shows them, `diff` compares two lists of them, and `suppressions` takes out what is known.

pub mod blocks;
pub mod diff;
pub mod exit;
pub mod found;
pub mod image;
pub mod origin;
pub mod page;
pub mod running;
pub mod search;
pub mod suppressions;
