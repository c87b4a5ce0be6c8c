//! L5: the state of the process: options, page map, arenas, mappings, and their start. Nothing here serves a request.

pub mod helper_call;
pub mod option_keys;
mod option_kinds;
pub mod option_values;
pub mod options;
pub mod profiling;
pub mod recording;
pub mod start;
pub mod statics;
pub mod trim_policy;
