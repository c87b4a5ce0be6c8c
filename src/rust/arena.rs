//! [`Arena`]: values that all go at once.

#![allow(unsafe_code)]

use crate::special::arena::Arena as Engine;
use crate::special::arena::check::Figures;
use crate::special::arena::options::Options;
use crate::special::arena::rewind::Position;
use crate::special::memory::Memory;
use core::alloc::Layout;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;

/// How an arena grows. Zero is the default of each.
pub type ArenaOptions = Options;
/// What an arena has done, and has.
pub type ArenaStats = Figures;

/// Values that are allocated one behind the other, and all go at once: with the arena, or by [`reset`](Arena::reset).
///
/// ```
/// let mut arena = metes::Arena::new();
/// let numbers: &mut [u32] = arena.alloc_slice_copy(&[1, 2, 3]);
/// let name: &mut str = arena.alloc_str("metes");
/// numbers[0] += 1;
/// assert_eq!((&*numbers, &*name), (&[2, 2, 3][..], "metes"));
/// arena.reset();
/// ```
///
/// What is in the arena is never dropped, but for values of [`alloc_with_drop`](Arena::alloc_with_drop): a `String` in
/// it leaks its own memory.
///
/// An arena is one thread's at a time, and may be sent to another one while nothing of it is borrowed.
///
/// Nothing outlives the arena:
///
/// ```compile_fail,E0505
/// let arena = metes::Arena::new();
/// let number = arena.alloc(1);
/// drop(arena);
/// assert_eq!(*number, 1);
/// ```
///
/// or what is allocated, a reset:
///
/// ```compile_fail,E0502
/// let mut arena = metes::Arena::new();
/// let number = arena.alloc(1);
/// arena.reset();
/// assert_eq!(*number, 1);
/// ```
///
/// Threads do not share one:
///
/// ```compile_fail,E0277
/// let arena = metes::Arena::new();
/// std::thread::scope(|threads| {
///     threads.spawn(|| arena.alloc(1));
/// });
/// ```
///
/// and no scope of one:
///
/// ```compile_fail,E0277
/// let mut arena = metes::Arena::new();
/// arena.scope(|scope| std::thread::scope(|threads| {
///     threads.spawn(|| scope.alloc(1));
/// }));
/// ```
///
/// What is dropped later, maybe on another thread, has to be `Send`, and may borrow nothing:
///
/// ```compile_fail,E0277
/// metes::Arena::new().alloc_with_drop(std::rc::Rc::new(1));
/// ```
///
/// ```compile_fail,E0597
/// let arena = metes::Arena::new();
/// let number = 1;
/// arena.alloc_with_drop(&number);
/// ```
pub struct Arena<'a> {
    engine: Engine,
    buffer: PhantomData<&'a mut [MaybeUninit<u8>]>,
}

// SAFETY: it is sent with all that it has, as nothing borrows from it; values that are dropped later are `Send`.
unsafe impl Send for Arena<'_> {}

#[cold]
#[inline(never)]
#[track_caller]
fn out_of_memory(bytes: usize) -> ! {
    panic!("no memory for {bytes} bytes in the arena")
}

/// Drops a value of an arena. A panic in there ends the process.
extern "C" fn drop_value<T>(value: *mut c_void) {
    // SAFETY: it was registered with a value, and nobody uses that any more.
    unsafe { value.cast::<T>().drop_in_place() };
}

/// Room for a `T`. What has no bytes needs none.
#[inline(always)]
fn room<T>(engine: &Engine) -> Option<NonNull<T>> {
    if size_of::<T>() == 0 {
        return Some(NonNull::dangling());
    }
    engine.alloc_padded(align_of::<T>(), size_of::<T>()).map(NonNull::cast)
}

/// Room for `count` of them.
#[inline(always)]
fn rooms<T>(engine: &Engine, count: usize) -> Option<NonNull<T>> {
    let layout = Layout::array::<T>(count).ok()?;
    if layout.size() == 0 {
        return Some(NonNull::dangling());
    }
    engine.alloc_padded(layout.align(), layout.size()).map(NonNull::cast)
}

/// The functions that `Arena` and `ArenaScope` have in common: what they return lives as long as the borrow of the one,
/// and as long as the other.
macro_rules! allocating {
    ([$($generic:tt)*] [$($borrow:tt)*]) => {
        /// A value in the arena. It is never dropped. Panics without memory.
        #[inline(always)]
        #[track_caller]
        pub fn alloc<$($generic)* T>(&$($borrow)* self, value: T) -> &'s mut T {
            self.alloc_with(|| value)
        }

        /// What `make` returns, which is made in its place. It may allocate from the arena, too. Panics without memory.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_with<$($generic)* T>(&$($borrow)* self, make: impl FnOnce() -> T) -> &'s mut T {
            let Some(room) = room::<T>(&self.engine) else { out_of_memory(size_of::<T>()) };
            // SAFETY: the room is a `T`'s, and nobody else's as long as what is returned lives.
            unsafe {
                room.write(make());
                &mut *room.as_ptr()
            }
        }

        /// As [`alloc`](Self::alloc); without memory the value comes back.
        #[inline]
        pub fn try_alloc<$($generic)* T>(&$($borrow)* self, value: T) -> Result<&'s mut T, T> {
            let Some(room) = room::<T>(&self.engine) else { return Err(value) };
            // SAFETY: the room is a `T`'s, and nobody else's as long as what is returned lives.
            unsafe {
                room.write(value);
                Ok(&mut *room.as_ptr())
            }
        }

        /// A value that is dropped when the arena is reset or dropped, or at the end of the scope: the last one first.
        /// A panic of its `drop` ends the process. Panics without memory.
        #[track_caller]
        pub fn alloc_with_drop<$($generic)* T: Send + 'static>(&$($borrow)* self, value: T) -> &'s mut T {
            self.try_alloc_with_drop(value).unwrap_or_else(|_| out_of_memory(size_of::<T>()))
        }

        /// As [`alloc_with_drop`](Self::alloc_with_drop); without memory the value comes back.
        pub fn try_alloc_with_drop<$($generic)* T: Send + 'static>(&$($borrow)* self, value: T) -> Result<&'s mut T, T> {
            let Some(room) = room::<T>(&self.engine) else { return Err(value) };
            if needs_drop::<T>() && !self.engine.on_reset(drop_value::<T>, room.as_ptr().cast()) {
                return Err(value);
            }
            // SAFETY: the room is a `T`'s, and nobody else's as long as what is returned lives. Nothing is dropped
            // before it is written.
            unsafe {
                room.write(value);
                Ok(&mut *room.as_ptr())
            }
        }

        /// A copy of text. Panics without memory.
        #[inline]
        #[track_caller]
        pub fn alloc_str<$($generic)*>(&$($borrow)* self, text: &str) -> &'s mut str {
            self.try_alloc_str(text).unwrap_or_else(|| out_of_memory(text.len()))
        }

        /// As [`alloc_str`](Self::alloc_str); `None` without memory.
        #[inline]
        pub fn try_alloc_str<$($generic)*>(&$($borrow)* self, text: &str) -> Option<&'s mut str> {
            let bytes = self.try_alloc_slice_copy(text.as_bytes())?;
            // SAFETY: a copy of text.
            Some(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
        }

        /// A copy of a slice. Panics without memory.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_copy<$($generic)* T: Copy>(&$($borrow)* self, from: &[T]) -> &'s mut [T] {
            self.try_alloc_slice_copy(from).unwrap_or_else(|| out_of_memory(size_of_val(from)))
        }

        /// As [`alloc_slice_copy`](Self::alloc_slice_copy); `None` without memory.
        #[inline]
        pub fn try_alloc_slice_copy<$($generic)* T: Copy>(&$($borrow)* self, from: &[T]) -> Option<&'s mut [T]> {
            let rooms = rooms::<T>(&self.engine, from.len())?;
            // SAFETY: as many as in the slice, and nobody else's as long as what is returned lives.
            unsafe {
                rooms.as_ptr().copy_from_nonoverlapping(from.as_ptr(), from.len());
                Some(NonNull::slice_from_raw_parts(rooms, from.len()).as_mut())
            }
        }

        /// A slice of `count` values, each of which `make` makes of its index. They are never dropped. Panics without
        /// memory.
        #[inline]
        #[track_caller]
        pub fn alloc_slice_fill_with<$($generic)* T>(
            &$($borrow)* self,
            count: usize,
            make: impl FnMut(usize) -> T,
        ) -> &'s mut [T] {
            let bytes = count.saturating_mul(size_of::<T>());
            self.try_alloc_slice_fill_with(count, make).unwrap_or_else(|| out_of_memory(bytes))
        }

        /// As [`alloc_slice_fill_with`](Self::alloc_slice_fill_with); `None` without memory.
        #[inline]
        pub fn try_alloc_slice_fill_with<$($generic)* T>(
            &$($borrow)* self,
            count: usize,
            mut make: impl FnMut(usize) -> T,
        ) -> Option<&'s mut [T]> {
            let rooms = rooms::<T>(&self.engine, count)?;
            for index in 0..count {
                // SAFETY: there are so many.
                unsafe { rooms.add(index).write(make(index)) };
            }
            // SAFETY: each was written, and they are nobody else's as long as what is returned lives.
            Some(unsafe { NonNull::slice_from_raw_parts(rooms, count).as_mut() })
        }

        /// Memory of a layout, which is the caller's for as long as what the other functions return would live. Panics
        /// without memory.
        #[inline(always)]
        #[track_caller]
        pub fn alloc_layout(&self, layout: Layout) -> NonNull<u8> {
            let Some(piece) = self.try_alloc_layout(layout) else { out_of_memory(layout.size()) };
            piece
        }

        /// As [`alloc_layout`](Self::alloc_layout); `None` without memory.
        #[inline(always)]
        pub fn try_alloc_layout(&self, layout: Layout) -> Option<NonNull<u8>> {
            self.engine.alloc_padded(layout.align(), layout.size())
        }

        /// Runs `work` with a scope, and takes back at its end what was allocated in it.
        ///
        /// ```
        /// let mut arena = metes::Arena::new();
        /// let sum = arena.scope(|outer| {
        ///     let one = outer.alloc(1);
        ///     let two = outer.scope(|inner| *inner.alloc(*one + 1));
        ///     *one + two
        /// });
        /// assert_eq!((sum, arena.used()), (3, 0));
        /// ```
        ///
        /// Nothing that was allocated in it gets out:
        ///
        /// ```compile_fail
        /// let mut arena = metes::Arena::new();
        /// let number = arena.scope(|scope| scope.alloc(1));
        /// ```
        ///
        /// ```compile_fail,E0521
        /// let mut arena = metes::Arena::new();
        /// let mut kept = None;
        /// arena.scope(|scope| kept = Some(scope.alloc(1)));
        /// ```
        ///
        /// and the scope around it cannot be used before its end:
        ///
        /// ```compile_fail,E0502
        /// let mut arena = metes::Arena::new();
        /// arena.scope(|outer| outer.scope(|_| *outer.alloc(1)));
        /// ```
        pub fn scope<R>(&mut self, work: impl FnOnce(&mut ArenaScope<'_>) -> R) -> R {
            let position = self.engine.position();
            let scope = Rewind { engine: &self.engine, position };
            work(&mut ArenaScope { engine: scope.engine })
        }

        /// Bytes in use, with what alignment has cost.
        pub fn used(&self) -> usize {
            self.engine.used()
        }

        /// Bytes of chunks: what the option `limit` limits.
        pub fn held(&self) -> usize {
            self.engine.held()
        }

        /// Whether an address is in what is allocated. Takes time in proportion to the number of chunks.
        pub fn owns<T: ?Sized>(&self, address: *const T) -> bool {
            self.engine.owns(address.addr())
        }
    };
}

impl Arena<'static> {
    /// An arena that has its memory from this library's malloc, from when it needs it on.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(ArenaOptions::default()).expect("the defaults are valid")
    }

    /// The same with options. `None` if one of them is not valid: a line on standard error says what is.
    #[must_use]
    pub fn with_options(options: ArenaOptions) -> Option<Self> {
        let options = options.resolve("Arena::with_options")?;
        Some(Self { engine: Engine::new(Memory::Process, options), buffer: PhantomData })
    }
}

impl Default for Arena<'static> {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::mut_from_ref, reason = "each piece is handed out once")]
impl<'a> Arena<'a> {
    /// An arena in a buffer, which never has more memory. The first 48 bytes or some more are the arena's own.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// let mut buffer = [MaybeUninit::uninit(); 200];
    /// let arena = metes::Arena::over(&mut buffer);
    /// assert!(arena.try_alloc([0u8; 100]).is_ok() && arena.try_alloc([0u8; 100]).is_err());
    /// ```
    #[must_use]
    pub fn over(buffer: &'a mut [MaybeUninit<u8>]) -> Self {
        let bytes = buffer.len();
        let start = NonNull::from(buffer).cast();
        // SAFETY: the buffer is borrowed for as long as there is the arena.
        Self { engine: unsafe { Engine::over(start, bytes) }, buffer: PhantomData }
    }

    allocating!(['s,] ['s]);

    /// Takes everything back, and keeps the memory: who allocates the same again does it without malloc.
    pub fn reset(&mut self) {
        // SAFETY: nothing of it is borrowed.
        unsafe { self.engine.reset() };
    }

    /// Gives the chunks back in which nothing is; how many bytes those were.
    pub fn trim(&mut self) -> usize {
        self.engine.release_spare()
    }

    /// The statistics.
    pub fn stats(&self) -> ArenaStats {
        self.engine.figures()
    }

    /// The first broken invariant, if there is one.
    pub fn check(&self) -> Result<(), &'static str> {
        self.engine.check().map_err(|what| what.to_str().unwrap_or("an invariant is broken"))
    }
}

impl Drop for Arena<'_> {
    fn drop(&mut self) {
        // SAFETY: nothing of it is borrowed, and nobody will use it.
        unsafe { self.engine.close() };
    }
}

impl fmt::Debug for Arena<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Arena").field("used", &self.used()).field("held", &self.held()).finish_non_exhaustive()
    }
}

/// A part of an arena's time, by [`Arena::scope`]: what is allocated in it lives as long as it does, and is taken back
/// at its end.
pub struct ArenaScope<'s> {
    engine: &'s Engine,
}

#[allow(clippy::mut_from_ref, reason = "each piece is handed out once")]
impl<'s> ArenaScope<'s> {
    allocating!([] []);
}

impl fmt::Debug for ArenaScope<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ArenaScope").field("used", &self.used()).finish_non_exhaustive()
    }
}

/// Goes back when it is dropped.
struct Rewind<'s> {
    engine: &'s Engine,
    position: Position,
}

impl Drop for Rewind<'_> {
    fn drop(&mut self) {
        // SAFETY: what was allocated since does not live longer than the scope, and scopes nest.
        unsafe { self.engine.restore(self.position) };
    }
}
