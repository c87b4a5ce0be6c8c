//! L9: the checked route, which `checks=full` and `debug=1` put between the program and the
//! allocator, and the search for what is wrong.

pub mod check;
pub mod checked;
pub mod faults;
pub mod layout;
pub mod leaks;
mod looks;
pub mod quarantine;
pub mod scan;
pub mod under_way;
