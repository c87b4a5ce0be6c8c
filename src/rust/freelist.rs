//! `FreeList`: a heap in a buffer of the caller's.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::config::GRAIN;
pub use crate::heap::free_list::Fit;
use crate::special::freelist::{Figures, List};
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// What a free list holds, in bytes and blocks.
pub type FreeListStats = Figures;

/// A heap in a buffer: an address-ordered, coalescing free list that asks nobody for memory.
///
/// ```
/// use core::mem::MaybeUninit;
/// let mut buffer = [MaybeUninit::uninit(); 4096];
/// let list = metes::FreeList::new(&mut buffer, metes::Fit::Best).unwrap();
/// let mut numbers = list.copied(&[1, 2, 3]).unwrap();
/// numbers[0] = 5;
/// assert_eq!(*numbers, [5, 2, 3]);
/// drop(numbers);
/// assert_eq!(list.stats().blocks, 0);
/// ```
///
/// Whatever comes from it borrows it, so nothing outlives the buffer:
///
/// ```compile_fail,E0597
/// let kept = {
///     let mut buffer = [core::mem::MaybeUninit::uninit(); 4096];
///     let list = metes::FreeList::new(&mut buffer, metes::Fit::Best).unwrap();
///     list.boxed(7).unwrap()
/// };
/// ```
///
/// nor goes to a thread without it:
///
/// ```compile_fail,E0277
/// let mut buffer = [core::mem::MaybeUninit::uninit(); 4096];
/// let list = metes::FreeList::new(&mut buffer, metes::Fit::Best).unwrap();
/// let boxed = list.boxed(7).unwrap();
/// std::thread::scope(|threads| {
///     threads.spawn(move || drop(boxed));
/// });
/// ```
pub struct FreeList<'b> {
    list: List,
    // The pointer: one thread at a time.
    buffer: PhantomData<(&'b mut [MaybeUninit<u8>], *mut u8)>,
}

// SAFETY: all that a list has is in its buffer, which is its own.
unsafe impl Send for FreeList<'_> {}

impl<'b> FreeList<'b> {
    /// The fewest bytes that a buffer, aligned to 16 bytes, has to have.
    pub const BYTES_MIN: usize = crate::special::freelist::BYTES_MIN;

    /// A list in `buffer`, as far as it is aligned to 16 bytes; `None` if that is too little.
    pub fn new(buffer: &'b mut [MaybeUninit<u8>], fit: Fit) -> Option<Self> {
        let start = buffer.as_mut_ptr().cast::<u8>();
        let skip = align::up(start.addr(), GRAIN) - start.addr();
        let bytes = buffer.len().checked_sub(skip)?;
        // SAFETY: as many bytes are in the buffer, which is borrowed for as long as the list lives.
        unsafe { Self::from_raw(NonNull::new(start.add(skip))?, bytes, fit) }
    }

    /// A list in a buffer, which has to be aligned to 16 bytes; `None` if it is not, or too small.
    ///
    /// # Safety
    /// The buffer is there for as long as the list, and nothing else uses it but lists that are attached to it, one
    /// at a time.
    pub unsafe fn from_raw(start: NonNull<u8>, bytes: usize, fit: Fit) -> Option<Self> {
        // SAFETY: the caller's promise. Whoever attaches may be anywhere: so valgrind is told nothing.
        unsafe { List::init(start, bytes, fit, true) }.map(|list| Self { list, buffer: PhantomData })
    }

    /// The list that is in a buffer: made by another process, or here before the buffer was copied or mapped
    /// elsewhere. `None` if none is there.
    ///
    /// # Safety
    /// As for `from_raw`; what is in its blocks is for the caller to know.
    pub unsafe fn attach(start: NonNull<u8>, bytes: usize) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { List::attach(start, bytes) }.map(|list| Self { list, buffer: PhantomData })
    }

    /// Memory for a layout; `None` if there is none.
    pub fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.align() <= GRAIN {
            self.list.malloc(layout.size())
        } else {
            self.list.aligned_alloc(layout.align(), layout.size())
        }
    }

    /// Gives memory back.
    ///
    /// # Safety
    /// It is from `allocate` or `reallocate` of this list, and is not used any more.
    pub unsafe fn deallocate(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.list.free(block) };
    }

    /// Memory of another size with what was in it; `None` if there is none: then the block is as it was.
    ///
    /// # Safety
    /// It is from this list, for `layout`, and is not used any more when there is another.
    pub unsafe fn reallocate(&self, block: NonNull<u8>, layout: Layout, size: usize) -> Option<NonNull<u8>> {
        if layout.align() <= GRAIN {
            // SAFETY: the caller's promise.
            return unsafe { self.list.realloc(block, size) };
        }
        let new = self.list.aligned_alloc(layout.align(), size)?;
        // SAFETY: two blocks of at least so many bytes, and the caller's promise.
        unsafe {
            new.copy_from_nonoverlapping(block, layout.size().min(size));
            self.list.free(block);
        }
        Some(new)
    }

    /// A value in the list; the value back if there is no memory for it.
    pub fn boxed<T>(&self, value: T) -> Result<FreeListBox<'_, T>, T> {
        let Some(block) = self.allocate(Layout::new::<T>()) else { return Err(value) };
        let block = block.cast::<T>();
        // SAFETY: it is fresh memory for a `T`.
        unsafe { block.write(value) };
        Ok(FreeListBox { value: block, list: self.list, from: PhantomData })
    }

    /// A copy of a slice in the list; `None` if there is no memory for it.
    pub fn copied<T: Copy>(&self, slice: &[T]) -> Option<FreeListBox<'_, [T]>> {
        let block = self.allocate(Layout::for_value(slice))?.cast::<T>();
        // SAFETY: it is fresh memory for as many.
        unsafe { block.copy_from_nonoverlapping(NonNull::from(slice).cast(), slice.len()) };
        Some(FreeListBox {
            value: NonNull::slice_from_raw_parts(block, slice.len()),
            list: self.list,
            from: PhantomData,
        })
    }

    /// The offset of an address in the buffer, which is the same wherever the buffer is; `None` for one outside.
    pub fn offset(&self, address: *const u8) -> Option<usize> {
        self.list.offset(address.addr())
    }

    /// What is at an offset of the buffer; `None` for 0 and what is outside.
    pub fn pointer(&self, offset: usize) -> Option<NonNull<u8>> {
        self.list.pointer(offset)
    }

    /// Whether a block in use starts there.
    pub fn owns(&self, address: *const u8) -> bool {
        self.list.owns(address.addr())
    }

    /// What the list holds.
    pub fn stats(&self) -> FreeListStats {
        self.list.figures().unwrap_or_default()
    }

    /// Calls `visit` with each block, its usable bytes and whether it is in use, in the order of addresses, until it
    /// says false. False if a header is damaged. No box is out meanwhile, and `visit` cannot use the list: what it
    /// allocated or freed would change the row of blocks under the walk.
    ///
    /// ```compile_fail,E0502
    /// let mut buffer = [core::mem::MaybeUninit::uninit(); 4096];
    /// let mut list = metes::FreeList::new(&mut buffer, metes::Fit::Best).unwrap();
    /// let mut kept = list.boxed([1; 100]).ok();
    /// list.walk(|_, _, _| kept.take().is_none());
    /// ```
    pub fn walk(&mut self, visit: impl FnMut(NonNull<u8>, usize, bool) -> bool) -> bool {
        self.list.walk(visit)
    }

    /// What is wrong with the list, as a sentence, and at which offset; `None` if nothing is.
    pub fn check(&self) -> Option<(&'static str, usize)> {
        self.list.check().map(|(what, at)| (what.to_str().unwrap_or_default(), at))
    }

    /// The function that a process was in when it ended, if it ended inside one: the list has to be recovered.
    pub fn unfinished(&self) -> Option<&'static str> {
        self.list.unfinished().map(crate::special::freelist::Call::name)
    }

    /// Makes a list whole in which a process has ended. False, with nothing changed, if a header is damaged.
    pub fn recover(&self) -> bool {
        self.list.recover()
    }

    /// Says that the buffer has `bytes` now, more than before.
    ///
    /// # Safety
    /// It has.
    pub unsafe fn grow(&self, bytes: usize) -> bool {
        self.list.grow(bytes)
    }
}

impl fmt::Debug for FreeList<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FreeList").field("buffer", &self.list.buffer()).field("stats", &self.stats()).finish()
    }
}

/// A value in a free list. It goes back when this is dropped.
pub struct FreeListBox<'l, T: ?Sized> {
    value: NonNull<T>,
    list: List,
    from: PhantomData<(&'l (), T)>,
}

impl<T: ?Sized> Deref for FreeListBox<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value is there, and only this leads to it.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for FreeListBox<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is there, and only this leads to it.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for FreeListBox<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the value is there, and nothing uses it behind this.
        unsafe {
            self.value.drop_in_place();
            self.list.free(self.value.cast());
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for FreeListBox<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}
