//! What a pool can be told when it is made.

use super::shape::OBJECT_MAX;
use crate::trace::report;
use core::ffi::{c_int, c_void};
use core::fmt::Arguments;

/// What is done to each object of a slab: when the slab is made, and when it goes.
#[derive(Clone, Copy)]
pub struct Callbacks {
    /// 0 if it has worked.
    pub construct: Option<extern "C" fn(object: *mut c_void, argument: *mut c_void) -> c_int>,
    /// The opposite.
    pub destruct: Option<extern "C" fn(object: *mut c_void, argument: *mut c_void)>,
    /// What both are given.
    pub argument: *mut c_void,
}

impl Callbacks {
    /// Nothing is done.
    pub const NONE: Self = Self { construct: None, destruct: None, argument: core::ptr::null_mut() };
}

/// The options, as the C API has them: 0 is the default.
#[derive(Clone, Copy)]
pub struct Options {
    /// What each object's address is a multiple of.
    pub align: usize,
    /// The most objects that may be out.
    pub limit: usize,
    /// Objects that are made ready.
    pub reserve: usize,
    /// Whether several threads use the pool: 0 or 1.
    pub shared: usize,
    /// What is done to objects.
    pub callbacks: Callbacks,
}

impl Default for Options {
    fn default() -> Self {
        Self { align: 0, limit: 0, reserve: 0, shared: 0, callbacks: Callbacks::NONE }
    }
}

impl Options {
    /// Whether a pool of such objects can be made; says why not.
    pub fn are_valid_for(&self, object_bytes: usize) -> bool {
        let Self { align, limit, reserve, shared, .. } = *self;
        if object_bytes > OBJECT_MAX {
            refuse("object_bytes", object_bytes, format_args!("0 to {OBJECT_MAX}"))
        } else if align != 0 && !(align.is_power_of_two() && align <= OBJECT_MAX) {
            refuse("align", align, format_args!("0, or a power of two up to {OBJECT_MAX}"))
        } else if shared > 1 {
            refuse("shared", shared, format_args!("0 or 1"))
        } else if limit != 0 && reserve > limit {
            refuse("reserve", reserve, format_args!("0 to {limit}, which is the limit"))
        } else {
            true
        }
    }
}

/// Says that a value is none.
pub fn refuse(name: &str, value: usize, valid: Arguments<'_>) -> bool {
    report::say(format_args!("metes_pool_new: {name} is {value}; valid: {valid}"));
    false
}
