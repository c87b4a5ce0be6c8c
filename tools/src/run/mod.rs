//! Running a program in the foreground of this one: its signals, its end, and the file that its reports come through.

pub mod child;
pub mod follow;
pub mod on_metes;
pub mod scratch;
