//! Free lists over a buffer of the caller's: address-ordered, coalescing, with boundary tags, and everything in the
//! buffer, as offsets.

mod call;
mod check;
mod control;
mod index;
mod life;
mod list;
mod misuse;
mod stats;
mod walk;
mod watch;
mod words;

pub use call::Call;
pub use control::BYTES_MIN;
pub use list::List;
pub use stats::Figures;

#[cfg(test)]
mod tests;
