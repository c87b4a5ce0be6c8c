//! L7: compartments: heaps of their own, that a program makes and destroys by name.

pub mod alone;
pub mod blocks;
mod check;
pub mod exact;
pub mod forks;
pub mod layout;
pub mod name;
pub mod options;
mod patience;
pub mod ranges;
pub mod small;
pub mod table;
pub mod waiting;
pub mod work;
