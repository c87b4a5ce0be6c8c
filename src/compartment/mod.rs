//! L7: compartments: heaps of their own, that a program makes and destroys by name.

pub mod alone;
mod check;
pub mod forks;
mod patience;
pub mod ranges;
pub mod small;
pub mod table;
pub mod work;
