//! L5: what the process has: the options, the page map, the arenas and the mappings, and their start. No code that serves a request.

pub mod helper_call;
pub mod option_keys;
pub mod options;
pub mod start;
pub mod statics;
pub mod trim_policy;
