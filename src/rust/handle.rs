//! Handles: what leads to a value in a pool, and to nothing once that was removed.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;

/// What leads to a value in a pool. It is `Copy`, and worth nothing once the value was removed. With another pool it
/// leads nowhere, or to some value of that.
pub struct Handle<T> {
    pub(super) number: u32,
    pub(super) generation: NonZeroU32,
    values: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    pub(super) const fn new(number: u32, generation: NonZeroU32) -> Self {
        Self { number, generation, values: PhantomData }
    }

    /// The handle as a number, to be kept where only numbers can be.
    pub const fn to_bits(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.number as u64
    }

    /// The handle of a number; `None` of one that no handle has.
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU32::new((bits >> 32) as u32) {
            Some(generation) => Some(Self::new(bits as u32, generation)),
            None => None,
        }
    }
}

// By hand: whatever a value is, a handle to it is a number.
impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits()
    }
}

impl<T> Eq for Handle<T> {}

impl<T> core::hash::Hash for Handle<T> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Handle({}v{})", self.number, self.generation)
    }
}
