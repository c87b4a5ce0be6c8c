//! Where the words of compartments are: for a reader in another process (`front::channel`).

use super::name::NAME;
use super::small::{LISTS, Small};
use super::table::{Compartment, Inside};
use super::waiting;
use core::mem::offset_of;

/// A compartment: offsets of words in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CompartmentLayout {
    /// From one to the next.
    pub compartment: u32,
    /// 64 bits, of which the lowest says whether it is live.
    pub state: u32,
    /// Its name.
    pub name: u32,
    /// The most bytes of a name; where it is shorter a zero follows.
    pub name_bytes: u32,
    /// The heap: see `HeapLayout`.
    pub heap: u32,
    /// The most bytes that may be in use.
    pub limit: u32,
    /// How many more that is than are in use now.
    pub room: u32,
    /// Blocks that were handed out so far.
    pub mallocs: u32,
    /// Blocks that came back so far.
    pub frees: u32,
}

/// Small blocks of a compartment that wait, and the run that new ones are cut from: offsets of words in a compartment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SmallLayout {
    /// The multiplier of `compartment::waiting`.
    pub odd: u64,
    /// The address of the next piece of the run, whose header is missing.
    pub next: u32,
    /// Where the run ends; where there is none it is equal to `next`.
    pub end: u32,
    /// The heads of lists: addresses of blocks, whose first words lead on.
    pub quick: u32,
    /// How many lists there are.
    pub lists: u32,
}

const fn inside(offset: usize) -> u32 {
    (offset_of!(Compartment, inside) + offset) as u32
}

/// See `CompartmentLayout`.
pub const COMPARTMENT: CompartmentLayout = CompartmentLayout {
    compartment: size_of::<Compartment>() as u32,
    state: offset_of!(Compartment, state) as u32,
    name: offset_of!(Compartment, name) as u32,
    name_bytes: NAME as u32,
    heap: inside(offset_of!(Inside, heap)),
    limit: inside(offset_of!(Inside, limit)),
    room: inside(offset_of!(Inside, room)),
    mallocs: inside(offset_of!(Inside, mallocs)),
    frees: inside(offset_of!(Inside, frees)),
};

/// See `SmallLayout`.
pub const SMALL: SmallLayout = SmallLayout {
    odd: waiting::ODD,
    next: inside(offset_of!(Inside, small) + offset_of!(Small, next)),
    end: inside(offset_of!(Inside, small) + offset_of!(Small, end)),
    quick: inside(offset_of!(Inside, small) + offset_of!(Small, quick)),
    lists: LISTS as u32,
};
