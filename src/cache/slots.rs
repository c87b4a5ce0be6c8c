//! Where in a cache the slots of each class are: see the head of `cache`.

use crate::base::class::{self, CLASSES};

/// The most slots that a class may use.
pub const fn slots_max(size: usize) -> usize {
    let bytes = if size <= class::SLAB_MAX { 256 << 10 } else { 512 << 10 };
    clamp(bytes / size, 2, 2048)
}

/// The capacity of a stack as soon as it is used, and the least that it shrinks to.
pub const fn slots_min(size: usize) -> usize {
    clamp((16 << 10) / size, 1, 16)
}

const fn clamp(slots: usize, least: usize, most: usize) -> usize {
    if slots < least {
        least
    } else if slots > most {
        most
    } else {
        slots
    }
}

/// The most objects that a stack holds in its near slots.
pub(super) const NEAR: usize = 32;

/// A slot for the mark of the object that fills a stack.
pub(super) const SPARE: usize = 1;

/// The indices of a class's first slots.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct StackSlots {
    pub(super) near: u32,
    /// Where the stack is with more than `NEAR` objects; the same as `near` if the class never has so many.
    pub(super) far: u32,
}

pub(super) static STACK_SLOTS: [StackSlots; CLASSES] = stack_slots();
/// Where the far slots begin and end.
pub(super) const FAR: usize = stack_slots()[0].near as usize;
pub(super) const SLOTS: usize = stack_slots()[0].far as usize;

#[expect(clippy::cast_possible_truncation, reason = "a few ten thousand")]
const fn stack_slots() -> [StackSlots; CLASSES] {
    let mut places = [StackSlots { near: 0, far: 0 }; CLASSES];
    let (mut class, mut next) = (1, 0);
    while class < CLASSES {
        places[class] = StackSlots { near: next as u32, far: next as u32 };
        next += 1 + clamp(slots_max(class::size_of_index(class)), 0, NEAR) + SPARE;
        class += 1;
    }
    // Class 0 has the ends.
    places[0].near = next as u32;
    class = 1;
    while class < CLASSES {
        let slots = slots_max(class::size_of_index(class));
        if slots > NEAR {
            places[class].far = next as u32;
            next += 1 + slots + SPARE;
        }
        class += 1;
    }
    places[0].far = next as u32;
    places
}
