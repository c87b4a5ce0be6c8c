//! The size and the alignment that a program claims for a block that it frees, against what is known without a trailer.

#![allow(unsafe_code)]

use super::owner::{Owner, owner};
use super::resize::{block_room, serves};
use crate::base::align;
use crate::base::class::SizeClass;
use crate::base::code::Code;
use crate::base::config::{GRAIN, UNIT};
use crate::base::family::{Claim, Family};
use crate::base::operation::Operation;
use crate::heap::headers;
use crate::report::misuse;
use crate::route::guard;

/// Reports a claim that cannot be true, as far as is known without a trailer. The block is to be freed all the same.
pub fn look_at(address: usize, claim: Claim) {
    if let Some(align) = claim.align.filter(|&align| align.is_power_of_two() && !align::is(address, align)) {
        let what = format_args!("this block is not aligned to {align}, as was said");
        return misuse::found(Code::WrongAlignment, Operation::Free, address, what);
    }
    let Some(said) = claim.size else { return };
    let Some((size, fits)) = fits(address, claim, said) else { return };
    // The aligned `new` of a C++ runtime rounds the size up before it allocates. A library may have
    // such a `new` inside and use our `delete`.
    let rounded = claim.align.filter(|align| align.is_power_of_two()).and_then(|align| align::up_checked(said, align));
    let fits = fits || rounded.and_then(|rounded| self::fits(address, claim, rounded)).is_some_and(|(_, fits)| fits);
    if !fits {
        let what = format_args!("this block of {size} bytes is not for {said}, as was said");
        misuse::found(Code::WrongSize, Operation::Free, address, what);
    }
}

/// The bytes of a block, and whether it may have been asked for as `said` bytes. `None` where nothing is known of it.
fn fits(address: usize, claim: Claim, said: usize) -> Option<(usize, bool)> {
    let n = said.max(1);
    // A block that realloc has left in place is a bit smaller than a new one would be, and a block of malloc's
    // family may have been aligned to anything.
    let loose = claim.family == Family::Malloc;
    let for_aligned = |align| if align > GRAIN { SizeClass::for_aligned(n, align) } else { SizeClass::for_size(n) };
    Some(match owner(address) {
        Owner::Slab(entry) => match entry.object_at(address) {
            Some(object) if loose => {
                let aligned = |&align: &usize| align::is(address, align) && for_aligned(align) == Some(object.class);
                let size = object.class.size();
                (size, serves(size, n) || (1..UNIT.trailing_zeros()).map(|log| 1 << log).any(|align| aligned(&align)))
            }
            Some(object) => (object.class.size(), for_aligned(claim.align.unwrap_or(GRAIN)) == Some(object.class)),
            None => return None,
        },
        // SAFETY: the page map's region.
        Owner::Region(region) => match unsafe { headers::usable_size(region, address) } {
            Ok(usable) => (usable, n <= usable && (loose || usable < block_room(n))),
            Err(_) => return None,
        },
        Owner::Mapping(record) => (record.len(), said <= record.len() && (loose || said == record.wanted())),
        // The size is known exactly.
        Owner::Guarded => match guard::facts(address) {
            Some(facts) => (facts.size, said == facts.size),
            None => return None,
        },
        // They report what is wrong themselves.
        Owner::Compartment(_) | Owner::Destroyed(_) | Owner::Foreign => return None,
    })
}
