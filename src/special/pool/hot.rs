//! What every call of a pool ends in: which object is handed out, and which bit a pointer that comes back belongs to.
//!
//! The pool keeps a hand on the *current word*: the lowest word of a bitmap that has a free object. Where that has
//! none any more the next one is looked for at once, not when it is needed: then each branch of a call depends on how
//! full the pool is, and not on which object came back, which no processor can foresee.
//!
//! And it has a *hand*: an object that came back and is lower than all that are free. It is the next to be handed out,
//! and neither a bitmap nor the count of objects hears of it. It is the object that was handed out last, or one from
//! below the current word: no bit is set down there, so none needs to be asked whether the object was free. Who takes
//! and gives by turns gets it without a detour, as does who replaces objects in a pool that is full. When another
//! object comes back that is lower, or from down there, both go into their bitmaps.

#![allow(unsafe_code)]

use super::directory::Directory;
use super::shape::Shape;
use super::slab::{self, SlabRef};
use core::ptr::NonNull;

/// The bits of a pool's number of an object that are its place in the slab; above them stands the slab's number.
pub const PLACE_BITS: u32 = 12;
/// Bits of a word.
pub(super) const WORD: usize = u64::BITS as usize;

/// The current word where there is none: nothing is ever written to it, as it has no bit.
pub(super) static NO_WORD: u64 = 0;

/// The number of an object that nobody has looked up.
pub const UNKNOWN: usize = usize::MAX;

/// An address at which no object starts.
const NOWHERE: usize = 1;

/// An object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Where it starts.
    pub address: NonNull<u8>,
    /// Its number: that of its slab, and its place in there; or `UNKNOWN`.
    pub number: usize,
}

/// What is wrong with a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The object is free.
    Free,
    /// It leads into the object that starts there.
    Inside(usize),
    /// It leads to the end of a slab, where no object is.
    Behind,
    /// It leads to none of the pool's slabs.
    Foreign,
}

/// Where an object's bit is.
#[derive(Clone, Copy)]
pub struct Place {
    slab: SlabRef,
    index: usize,
}

/// The slabs, the current word, and how many objects may still be handed out.
pub struct Hot {
    word: *mut u64,
    /// Where the first of its objects is; the highest address if there is no current word.
    base: usize,
    /// That object's number.
    number: usize,
    /// Its slab; dangling if there is none.
    slab: SlabRef,
    /// How many may be handed out while one stays in the hand, if one is there.
    left: usize,
    /// Where the object in the hand is, or 0; its number, or `UNKNOWN`. No free object is lower.
    hand: usize,
    hand_number: usize,
    /// The object that was handed out last, if none came back since: it is lower than all that are free, and the hand
    /// is empty. Else `NOWHERE`.
    last: usize,
    pub(super) shape: Shape,
    pub(super) directory: Directory,
    /// Changes whenever a slab comes or goes.
    pub(super) epoch: usize,
}

impl Hot {
    /// Of no slabs.
    pub fn new(shape: Shape, limit: usize, directory: Directory) -> Self {
        let word = (&raw const NO_WORD).cast_mut();
        let (base, slab) = (usize::MAX, SlabRef::dangling());
        Self {
            word,
            base,
            number: 0,
            slab,
            left: limit,
            hand: 0,
            hand_number: 0,
            last: NOWHERE,
            shape,
            directory,
            epoch: 0,
        }
    }

    /// How many objects may still be handed out.
    pub fn left(&self) -> usize {
        self.left + usize::from(self.hand != 0)
    }

    /// Where the first object of the current word is.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// The lowest free object; `None` if there is none, or no more may be handed out.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Object> {
        let hand = self.hand;
        if hand != 0 {
            // It was out, so it may be out again.
            (self.hand, self.last) = (0, hand);
            // SAFETY: an object's address is not 0.
            let address = unsafe { NonNull::new_unchecked(crate::base::pointer::at_mut(hand)) };
            return Some(Object { address, number: self.hand_number });
        }
        // SAFETY: a slab's word, or the one that stands for none.
        let bits = unsafe { *self.word };
        if bits == 0 || self.left == 0 {
            return None;
        }
        let rest = bits & (bits - 1);
        // SAFETY: it has a bit, so it is a slab's.
        unsafe { *self.word = rest };
        self.left -= 1;
        let index = bits.trailing_zeros() as usize;
        let address = self.base + index * self.shape.stride;
        self.last = address;
        // SAFETY: an object's address is not 0.
        let address = unsafe { NonNull::new_unchecked(crate::base::pointer::at_mut(address)) };
        let object = Object { address, number: self.number + index };
        if rest == 0 {
            self.leave_word();
        }
        Some(object)
    }

    /// The current word has no free object any more: the next one is the current one.
    #[inline(never)]
    fn leave_word(&mut self) {
        // SAFETY: there was a current word, so this is its slab.
        let summary = unsafe { &mut (*self.slab.as_ptr()).summary };
        // The word was the lowest.
        *summary &= *summary - 1;
        if *summary == 0 {
            self.directory.clear_room(self.slab);
            return self.find_word();
        }
        let index = summary.trailing_zeros() as usize;
        // SAFETY: a summary has bits of words alone.
        self.set_word(self.slab, unsafe { slab::word(self.slab, index) }, index);
    }

    /// Makes the lowest word that has a free object the current one, if there is one.
    fn find_word(&mut self) {
        let Some(rank) = self.directory.first_with_room() else {
            (self.word, self.base) = ((&raw const NO_WORD).cast_mut(), usize::MAX);
            return;
        };
        let slab = self.directory.at(rank);
        // SAFETY: the slabs of a directory are there.
        let index = unsafe { slab.as_ref() }.summary.trailing_zeros() as usize;
        // SAFETY: a summary has bits of words alone.
        self.set_word(slab, unsafe { slab::word(slab, index) }, index);
    }

    #[inline(always)]
    fn set_word(&mut self, slab: SlabRef, word: *mut u64, index: usize) {
        // SAFETY: the caller has the slab.
        let (start, id) = unsafe { ((*slab.as_ptr()).start, (*slab.as_ptr()).id) };
        (self.word, self.slab) = (word, slab);
        self.base = start + index * WORD * self.shape.stride;
        self.number = (id << PLACE_BITS) + index * WORD;
    }

    /// The place of the object that starts at an address. Nothing but the pool's own records is read.
    #[inline(always)]
    pub fn place(&self, address: usize) -> Result<Place, Wrong> {
        let start = address & !(self.shape.slab_bytes - 1);
        let Some(slab) = self.directory.find(start) else { return Err(Wrong::Foreign) };
        match self.shape.index(address - start) {
            Some(index) => Ok(Place { slab, index }),
            None => Err(self.inside(start, address)),
        }
    }

    #[cold]
    fn inside(&self, start: usize, address: usize) -> Wrong {
        let index = (address - start) / self.shape.stride;
        if index < self.shape.objects { Wrong::Inside(start + index * self.shape.stride) } else { Wrong::Behind }
    }

    /// Where the object of a number starts, whether it is out or not; `None` if no slab has it.
    #[inline(always)]
    pub fn numbered(&self, number: usize) -> Option<NonNull<u8>> {
        let (start, index) = (self.directory.numbered(number >> PLACE_BITS)?, number % (1 << PLACE_BITS));
        let address = start + index * self.shape.stride;
        if index < self.shape.objects { NonNull::new(crate::base::pointer::at_mut(address)) } else { None }
    }

    /// Whether an object is out.
    pub fn is_out(&self, address: usize) -> bool {
        // SAFETY: a place's word is there.
        let is_out = |place: Place| address != self.hand && unsafe { *place.word() } & place.bit() == 0;
        self.place(address).is_ok_and(is_out)
    }

    /// The number of the object that starts at an address, one of the pool's.
    #[cold]
    pub fn number_of(&self, address: usize) -> Option<usize> {
        // SAFETY: a place's slab is there.
        self.place(address).ok().map(|place| (unsafe { place.slab.as_ref() }.id << PLACE_BITS) + place.index)
    }

    /// Takes an object back.
    pub fn give(&mut self, address: usize) -> Result<(), Wrong> {
        let place = self.place(address)?;
        if self.give_at(place, address, UNKNOWN) { Ok(()) } else { Err(Wrong::Free) }
    }

    /// The same; false, and nothing was done, if it has to be looked at more closely.
    #[inline(always)]
    pub fn give_quickly(&mut self, address: usize) -> bool {
        if address == self.last {
            return address != NOWHERE && self.take_in_hand(address, UNKNOWN);
        }
        let Some(slab) = self.directory.find_quickly(address, address & !(self.shape.slab_bytes - 1)) else {
            return false;
        };
        let Some(index) = self.shape.index(address & (self.shape.slab_bytes - 1)) else { return false };
        self.give_at(Place { slab, index }, address, UNKNOWN)
    }

    /// The same of an object whose number is known, and which is out.
    #[inline(always)]
    pub fn give_numbered(&mut self, number: usize, address: usize) -> bool {
        if address == self.last {
            return self.take_in_hand(address, number);
        }
        if address < self.base {
            return self.give_below(address, number);
        }
        let index = number % (1 << PLACE_BITS);
        let slab = self.directory.numbered_slab(number >> PLACE_BITS);
        slab.is_some_and(|slab| index < self.shape.objects && self.give_at(Place { slab, index }, address, number))
    }

    /// Takes back the object of a place; false if it is free. All calls stand at the end, so that no register is to
    /// be saved.
    #[inline(always)]
    fn give_at(&mut self, place: Place, address: usize, number: usize) -> bool {
        if address < self.base {
            return self.give_below(address, number);
        }
        if address <= self.hand {
            return self.give_second(address);
        }
        // SAFETY: a place's word is there.
        let word = unsafe { &mut *place.word() };
        let old = *word;
        if old & place.bit() != 0 {
            return false;
        }
        *word = old | place.bit();
        self.left += 1;
        self.last = NOWHERE;
        if old == 0 { self.note_room(place) } else { true }
    }

    /// Takes back an object below the current word, where none but the one in the hand can be free.
    #[inline(always)]
    fn give_below(&mut self, address: usize, number: usize) -> bool {
        if self.hand != 0 {
            return self.give_second(address);
        }
        self.take_in_hand(address, number)
    }

    /// Takes an object that is lower than all that are free into the hand, which is empty. True.
    #[inline(always)]
    fn take_in_hand(&mut self, address: usize, number: usize) -> bool {
        (self.hand, self.hand_number, self.last) = (address, number, NOWHERE);
        true
    }

    /// Takes back another one than that in the hand, which is lower or below the current word, and puts both into their
    /// bitmaps; false if it is the one in the hand.
    #[cold]
    #[inline(never)]
    fn give_second(&mut self, address: usize) -> bool {
        if address == self.hand {
            return false;
        }
        self.empty_hand();
        self.give_to_bitmap(address);
        true
    }

    /// Gives what is in the hand to its bitmap.
    pub(super) fn empty_hand(&mut self) {
        if self.hand != 0 {
            self.give_to_bitmap(self.hand);
            self.hand = 0;
        }
    }

    /// Sets the bit of an object. Its word is the current one then if it is the lowest.
    fn give_to_bitmap(&mut self, address: usize) {
        let Ok(place) = self.place(address) else { return };
        // SAFETY: a place's word is there.
        let word = unsafe { &mut *place.word() };
        let old = *word;
        *word |= place.bit();
        self.left += 1;
        if address < self.base {
            self.set_word(place.slab, place.word(), place.index / WORD);
        }
        if old == 0 {
            self.note_room(place);
        }
    }

    /// Where the object in the hand is, or 0.
    pub(super) fn hand(&self) -> usize {
        self.hand
    }

    /// A word has a free object again. True.
    #[inline(always)]
    fn note_room(&mut self, place: Place) -> bool {
        // SAFETY: a place's slab is there.
        let summary = unsafe { &mut (*place.slab.as_ptr()).summary };
        let old = *summary;
        *summary |= 1 << (place.index / WORD);
        old != 0 || self.directory.set_room(place.slab)
    }

    /// Adds a slab, whose objects are all free. The directory has room for it.
    pub fn add(&mut self, slab: SlabRef) {
        // Its objects may be lower than what is in the hand.
        self.empty_hand();
        self.directory.insert(slab);
        self.know_nothing();
        self.find_word();
    }

    /// Takes out all slabs that have no object out, and returns them, each leading to the next.
    pub fn take_empty(&mut self) -> Option<SlabRef> {
        self.take_if(|slab, shape| {
            // SAFETY: the slabs of a directory are there.
            (unsafe { slab::count_free(slab, shape) }) == shape.objects
        })
    }

    /// Takes out all slabs, the same way.
    pub fn take_all(&mut self) -> Option<SlabRef> {
        self.take_if(|_, _| true)
    }

    fn take_if(&mut self, is_wanted: impl Fn(SlabRef, &Shape) -> bool) -> Option<SlabRef> {
        self.empty_hand();
        let mut taken: Option<SlabRef> = None;
        for rank in (0..self.directory.len()).rev() {
            let slab = self.directory.at(rank);
            if is_wanted(slab, &self.shape) {
                self.directory.remove(rank);
                // SAFETY: the slabs of a directory are there.
                unsafe { (*slab.as_ptr()).next = taken.map_or(core::ptr::null_mut(), NonNull::as_ptr) };
                taken = Some(slab);
            }
        }
        self.know_nothing();
        self.find_word();
        taken
    }

    /// Makes all objects free.
    pub fn give_all(&mut self) {
        self.empty_hand();
        for rank in 0..self.directory.len() {
            let slab = self.directory.at(rank);
            let shape = self.shape;
            // SAFETY: the slabs of a directory are there.
            unsafe {
                self.left += shape.objects - slab::count_free(slab, &shape);
                slab::fill(slab, &shape);
            }
            self.directory.set_room(slab);
        }
        self.know_nothing();
        self.find_word();
    }

    /// Slabs have come or gone.
    fn know_nothing(&mut self) {
        self.forget_last();
        self.epoch += 1;
    }

    /// Forgets what was handed out last. Memcheck would take it for a pointer to that.
    pub(super) fn forget_last(&mut self) {
        self.last = NOWHERE;
    }
}

impl Place {
    #[inline(always)]
    fn bit(self) -> u64 {
        1 << (self.index % WORD)
    }

    #[inline(always)]
    fn word(self) -> *mut u64 {
        // SAFETY: a place's word is there.
        unsafe { slab::word(self.slab, self.index / WORD) }
    }
}
