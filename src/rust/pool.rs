//! Objects of one type in a pool.

#![allow(unsafe_code)]

use super::handle::Handle;
use crate::special::pool::cursor::Cursor;
use crate::special::pool::hot::{Hot, Object, UNKNOWN};
use crate::special::pool::options::{Callbacks, Options};
use crate::special::pool::{Pool as Raw, shape};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::num::{NonZeroU32, TryFromIntError};
use core::ops::{Deref, DerefMut, Index, IndexMut};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

/// A place for a value, and for what a handle must have to lead to it: 0 while the place is free, or its value a box's.
#[repr(C)]
struct Slot<T> {
    generation: u32,
    value: MaybeUninit<T>,
}

/// A pool of values of one type, from slabs of the process's memory.
///
/// [`alloc`](Self::alloc) gives a box, which drops its value and returns its place. [`insert`](Self::insert) gives a
/// handle of eight bytes that is `Copy`, as a key of the `slab` crate is, but one whose value was removed leads to
/// nothing, whoever has the place now. A pool drops the values that are left in it.
///
/// The free place with the lowest address is taken next. Places never move.
///
/// ```
/// let mut pool = metes::Pool::new();
/// let handle = pool.insert("a value");
/// assert_eq!(pool[handle], "a value");
/// assert_eq!(pool.remove(handle), Some("a value"));
/// assert_eq!(pool.get(handle), None);
///
/// let boxed = pool.alloc("another");
/// assert_eq!((boxed.len(), pool.len()), (7, 1));
/// ```
///
/// No box outlives its pool:
///
/// ```compile_fail,E0505
/// let pool = metes::Pool::new();
/// let boxed = pool.alloc(1);
/// drop(pool);
/// assert_eq!(*boxed, 1);
/// ```
///
/// no value is removed, and none comes in with a handle, while others are looked at:
///
/// ```compile_fail,E0502
/// let mut pool = metes::Pool::new();
/// let handle = pool.insert(String::new());
/// let text = &pool[handle];
/// pool.remove(handle);
/// assert_eq!(text, "");
/// ```
///
/// ```compile_fail,E0502
/// let mut pool = metes::Pool::new();
/// pool.insert(1);
/// for (_, number) in &pool {
///     pool.insert(*number);
/// }
/// ```
///
/// Threads do not share one, and what is not `Send` does not go along with it:
///
/// ```compile_fail,E0277
/// let pool = metes::Pool::new();
/// std::thread::scope(|threads| {
///     threads.spawn(|| drop(pool.alloc(1)));
/// });
/// ```
///
/// ```compile_fail,E0277
/// let mut pool = metes::Pool::new();
/// pool.insert(std::rc::Rc::new(1));
/// std::thread::spawn(move || drop(pool));
/// ```
pub struct Pool<T> {
    raw: Raw,
    /// The generation of the next handle.
    next: Cell<u32>,
    values: PhantomData<T>,
}

// SAFETY: the values go along, and nothing else of a pool belongs to a thread. Boxes borrow it.
unsafe impl<T: Send> Send for Pool<T> {}

/// A value in a pool, which it goes back to.
pub struct PoolBox<'a, T> {
    pool: &'a Pool<T>,
    value: NonNull<T>,
    values: PhantomData<T>,
}

/// The generation that the next pool begins with: a handle of one pool is most likely none of another's.
static FIRST: AtomicU32 = AtomicU32::new(1);
const STEP: u32 = 0x9e37_79b9;

extern "C" fn make_free<T>(slot: *mut c_void, _: *mut c_void) -> c_int {
    // SAFETY: a place of a slab that is being made.
    unsafe { (&raw mut (*slot.cast::<Slot<T>>()).generation).write(0) };
    0
}

impl<T> Pool<T> {
    /// An empty pool. Panics if there is no memory for its own words, some KiB, or a value is larger than 256 MiB.
    pub fn new() -> Self {
        Self::with_limit(0)
    }

    /// A pool with places for so many values, ready. Panics if there is no memory.
    pub fn with_capacity(capacity: usize) -> Self {
        let pool = Self::new();
        pool.reserve(capacity);
        pool
    }

    /// A pool that has at most so many values at a time; 0 is no limit. Panics as `new` does.
    pub fn with_limit(limit: usize) -> Self {
        const { assert!(size_of::<Slot<T>>() <= shape::OBJECT_MAX, "a value is too large for a pool") };
        let callbacks = Callbacks { construct: Some(make_free::<T>), ..Callbacks::NONE };
        let options = Options { align: align_of::<Slot<T>>(), limit, callbacks, ..Options::default() };
        let raw = Raw::new(size_of::<Slot<T>>(), &options, 0).expect("out of memory");
        Self { raw, next: Cell::new(FIRST.fetch_add(STEP, Ordering::Relaxed)), values: PhantomData }
    }

    /// Makes places for so many more values ready. Panics if there is no memory.
    pub fn reserve(&self, additional: usize) {
        assert!(self.raw.reserve(additional), "out of memory");
    }

    /// Puts a value into the pool, and gives a box of it. Panics if there is no memory, or the limit is reached.
    #[inline]
    pub fn alloc(&self, value: T) -> PoolBox<'_, T> {
        self.try_alloc(value).unwrap_or_else(|_| full())
    }

    /// The same; the value comes back if there is no memory, or the limit is reached.
    #[inline]
    pub fn try_alloc(&self, value: T) -> Result<PoolBox<'_, T>, T> {
        let Some(object) = self.take() else { return Err(value) };
        let slot = object.address.cast::<Slot<T>>().as_ptr();
        // SAFETY: the place is out, and only ours.
        let value = unsafe {
            let place = &raw mut (*slot).value;
            place.write(MaybeUninit::new(value));
            NonNull::new_unchecked(place.cast())
        };
        Ok(PoolBox { pool: self, value, values: PhantomData })
    }

    /// Puts a value into the pool, and gives a handle to it. Panics if there is no memory, or the limit is reached.
    #[inline]
    pub fn insert(&mut self, value: T) -> Handle<T> {
        self.try_insert(value).unwrap_or_else(|_| full())
    }

    /// The same; the value comes back if there is no memory, or the limit is reached.
    #[inline]
    pub fn try_insert(&mut self, value: T) -> Result<Handle<T>, T> {
        let Some(object) = self.take() else { return Err(value) };
        let Ok(number) = u32::try_from(object.number).or_else(|_| self.look_up(object)) else { return Err(value) };
        let next = self.next.get();
        let generation = NonZeroU32::new(next).unwrap_or(NonZeroU32::MIN);
        self.next.set(generation.get().wrapping_add(1));
        let slot: *mut Slot<T> = object.address.cast().as_ptr();
        // SAFETY: the place is out, and only ours. One by one: who reads the generation next is not to wait for all.
        unsafe {
            (&raw mut (*slot).value).write(MaybeUninit::new(value));
            (&raw mut (*slot).generation).write(generation.get());
        }
        Ok(Handle::new(number, generation))
    }

    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the pool is for one thread, and no two such references are in use")]
    fn hot(&self) -> &mut Hot {
        // SAFETY: the pool is neither shared nor announced, threads do not share `self`, and no call calls another's code.
        unsafe { self.raw.alone() }
    }

    #[inline(always)]
    fn take(&self) -> Option<Object> {
        self.hot().pop().or_else(|| self.raw.alloc_slowly())
    }

    /// The number of an object. If no handle can have it the object goes back.
    #[cold]
    fn look_up(&self, object: Object) -> Result<u32, TryFromIntError> {
        let number = self.hot().number_of(object.address.as_ptr().addr());
        u32::try_from(number.unwrap_or(UNKNOWN)).inspect_err(|_| self.give_back(object.address.as_ptr().addr()))
    }

    #[inline(always)]
    fn slot(&self, handle: Handle<T>) -> Option<NonNull<Slot<T>>> {
        let slot: NonNull<Slot<T>> = self.hot().numbered(handle.number as usize)?.cast();
        // SAFETY: each place of a slab has a generation, out or not, and nobody writes to it meanwhile: only boxes,
        // which do not, may be in use.
        let generation = unsafe { (&raw const (*slot.as_ptr()).generation).read() };
        if generation == handle.generation.get() { Some(slot) } else { None }
    }

    /// The value that a handle leads to, unless it was removed.
    #[inline]
    pub fn get(&self, handle: Handle<T>) -> Option<&T> {
        // SAFETY: of a place with this generation the value is there, and nobody has it mutably while the pool is
        // borrowed.
        self.slot(handle).map(|slot| unsafe { (*slot.as_ptr()).value.assume_init_ref() })
    }

    /// The same, to change it.
    #[inline]
    pub fn get_mut(&mut self, handle: Handle<T>) -> Option<&mut T> {
        // SAFETY: the same, and the pool is borrowed for this one.
        self.slot(handle).map(|slot| unsafe { (*slot.as_ptr()).value.assume_init_mut() })
    }

    /// Whether a handle leads to a value.
    #[inline]
    pub fn contains(&self, handle: Handle<T>) -> bool {
        self.slot(handle).is_some()
    }

    /// Takes a value out, unless that was done.
    #[inline]
    pub fn remove(&mut self, handle: Handle<T>) -> Option<T> {
        let slot = self.slot(handle)?;
        // SAFETY: each place has a generation.
        unsafe { (*slot.as_ptr()).generation = 0 };
        let address = slot.as_ptr().addr();
        if !self.hot().give_numbered(handle.number as usize, address) {
            self.raw.give(address);
        }
        // SAFETY: of a place with this generation the value is there, and nothing was written to it since. It is read
        // last: so it is copied once.
        Some(unsafe { (*slot.as_ptr()).value.assume_init_read() })
    }

    #[inline(always)]
    fn give_back(&self, slot: usize) {
        if !self.hot().give_quickly(slot) {
            self.raw.give(slot);
        }
    }

    /// How many values there are, those in boxes too.
    pub fn len(&self) -> usize {
        self.raw.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits all values that have handles, in the order of their addresses.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { cursor: self.raw.cursor(), pool: self }
    }

    /// The same, to change them.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut { cursor: self.raw.cursor(), pool: self }
    }

    /// Removes and drops all values with handles for which `keeps` says no.
    pub fn retain(&mut self, mut keeps: impl FnMut(Handle<T>, &mut T) -> bool) {
        let mut cursor = self.raw.cursor();
        while let Some((handle, slot)) = self.next_handled(&mut cursor) {
            // SAFETY: of a place with a generation the value is there, and the pool is borrowed for this one.
            if !keeps(handle, unsafe { (*slot.as_ptr()).value.assume_init_mut() }) {
                drop(self.remove(handle));
            }
        }
    }

    /// Removes and drops all values with handles.
    pub fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// Gives slabs without a value back. Returns how many bytes that were.
    pub fn trim(&mut self) -> usize {
        self.raw.trim()
    }

    /// Checks the pool's own invariants.
    pub fn check(&self) -> Result<(), &'static core::ffi::CStr> {
        self.raw.check()
    }

    /// The next value with a handle.
    #[inline]
    fn next_handled(&self, cursor: &mut Cursor) -> Option<(Handle<T>, NonNull<Slot<T>>)> {
        loop {
            let Object { address, number } = self.raw.advance(cursor)?;
            let slot: NonNull<Slot<T>> = address.cast();
            // SAFETY: see `slot`.
            let generation = unsafe { (&raw const (*slot.as_ptr()).generation).read() };
            if let (Some(generation), Ok(number)) = (NonZeroU32::new(generation), u32::try_from(number)) {
                return Some((Handle::new(number, generation), slot));
            }
        }
    }
}

#[cold]
fn full() -> ! {
    panic!("the pool has reached its limit, or there is no memory")
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            self.clear();
        }
    }
}

impl<T> Index<Handle<T>> for Pool<T> {
    type Output = T;

    #[inline]
    fn index(&self, handle: Handle<T>) -> &T {
        self.get(handle).expect("the handle's value was removed")
    }
}

impl<T> IndexMut<Handle<T>> for Pool<T> {
    #[inline]
    fn index_mut(&mut self, handle: Handle<T>) -> &mut T {
        self.get_mut(handle).expect("the handle's value was removed")
    }
}

impl<T: fmt::Debug> fmt::Debug for Pool<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.iter()).finish()
    }
}

/// See [`Pool::iter`].
pub struct Iter<'a, T> {
    cursor: Cursor,
    pool: &'a Pool<T>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (Handle<T>, &'a T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (handle, slot) = self.pool.next_handled(&mut self.cursor)?;
        // SAFETY: of a place with a generation the value is there, and nobody has it mutably while the pool is
        // borrowed.
        Some((handle, unsafe { (*slot.as_ptr()).value.assume_init_ref() }))
    }
}

/// See [`Pool::iter_mut`].
pub struct IterMut<'a, T> {
    cursor: Cursor,
    pool: &'a mut Pool<T>,
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = (Handle<T>, &'a mut T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (handle, slot) = self.pool.next_handled(&mut self.cursor)?;
        // SAFETY: of a place with a generation the value is there; each is visited once, and the pool is borrowed for
        // the visit.
        Some((handle, unsafe { (*slot.as_ptr()).value.assume_init_mut() }))
    }
}

impl<'a, T> IntoIterator for &'a Pool<T> {
    type Item = (Handle<T>, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> PoolBox<'_, T> {
    /// The value; its place goes back.
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is there, and from here on it is not; the box is not dropped.
        let value = unsafe { this.value.read() };
        this.give_back();
        value
    }

    #[inline(always)]
    fn give_back(&self) {
        self.pool.give_back(self.value.as_ptr().addr() - core::mem::offset_of!(Slot<T>, value));
    }
}

impl<T> Drop for PoolBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value is there, and only this box has it.
        unsafe { self.value.drop_in_place() };
        self.give_back();
    }
}

impl<T> Deref for PoolBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value is there, and only this box has it.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for PoolBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is there, and only this box has it.
        unsafe { self.value.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for PoolBox<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}
