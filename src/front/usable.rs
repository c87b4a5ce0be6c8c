//! The size of a block, as `malloc_usable_size` tells it.

use crate::base::operation::Operation;
use crate::cache::fast;
use crate::debug::checked;
use crate::process::options;
use crate::route::owner::{block_in_use, usable};

/// The bytes that a program may use at `p`; 0 for null.
#[inline(always)]
pub fn usable_size(p: *mut u8) -> usize {
    let unit = match fast::object(p.addr()) {
        Ok(object) => return object.size(),
        Err(unit) => unit,
    };
    if let Some(block) = unit.and_then(|unit| block_in_use(unit, p.addr())) {
        return block.usable;
    }
    usable_slowly(p)
}

#[cold]
#[inline(never)]
extern "C" fn usable_slowly(p: *mut u8) -> usize {
    if options::checked() {
        return checked::usable_size(p);
    }
    usable(Operation::UsableSize, p).unwrap_or(0)
}
