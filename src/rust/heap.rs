//! Heaps of their own: blocks that no other heap shares a page with, a limit, and one end for all.

#![allow(unsafe_code)]

use crate::base::config::GRAIN;
use crate::compartment::options::{Memory, Options};
use crate::compartment::table::Handle;
use crate::heap::free_list::Fit;
use crate::special::heap::{self, Figures};
use core::alloc::Layout;
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// What a heap holds and has served.
pub type HeapStats = Figures;

/// A heap of its own, shared by threads: each call takes the heap's lock. [`LocalHeap`] is one for a single thread.
///
/// ```
/// let mut heap = metes::Heap::builder().name("request").limit(1 << 20).make()?;
/// let words: &mut [&str] = heap.alloc_slice_fill(3, "word")?;
/// words[1] = heap.alloc_str("another")?;
/// assert_eq!(words, ["word", "another", "word"]);
///
/// // What has a destructor, or is to go before the heap does, is put into a box.
/// let names = heap.boxed(vec!["a", "b"])?;
/// drop(names);
///
/// assert!(heap.alloc([0u8; 2 << 20]).is_err(), "more than the limit");
/// heap.reset();
/// assert_eq!(heap.stats().live, 0);
/// # Ok::<(), metes::AllocError>(())
/// ```
///
/// What `alloc` and its like return is never dropped. It lives as long as the heap, or until [`reset`](Self::reset):
/// safe code cannot use it after that.
///
/// ```compile_fail,E0505
/// let heap = metes::Heap::new().unwrap();
/// let number = heap.alloc(1).unwrap();
/// drop(heap);
/// assert_eq!(*number, 1);
/// ```
///
/// ```compile_fail,E0502
/// let mut heap = metes::Heap::new().unwrap();
/// let number = heap.alloc(1).unwrap();
/// heap.reset();
/// assert_eq!(*number, 1);
/// ```
///
/// Nor does a box outlive its heap:
///
/// ```compile_fail,E0597
/// let kept = {
///     let heap = metes::Heap::new().unwrap();
///     heap.boxed(1).unwrap()
/// };
/// ```
#[derive(Debug)]
pub struct Heap {
    handle: Handle,
}

/// A heap of its own for one thread at a time, which takes no lock: most calls end in a few instructions.
///
/// It goes to another thread as a whole, while nothing of it is borrowed.
///
/// ```
/// let heap = metes::LocalHeap::new()?;
/// let sum = std::thread::spawn(move || Ok(*heap.alloc(1)? + *heap.boxed(2)?));
/// assert_eq!(sum.join().unwrap()?, 3);
/// # Ok::<(), metes::AllocError>(())
/// ```
///
/// Two threads do not share one:
///
/// ```compile_fail,E0277
/// let heap = metes::LocalHeap::new().unwrap();
/// std::thread::scope(|threads| {
///     threads.spawn(|| heap.alloc(1).is_ok());
/// });
/// ```
///
/// nor does a box of one go to a thread without it, as it comes back to the heap when it is dropped:
///
/// ```compile_fail,E0277
/// let heap = metes::LocalHeap::new().unwrap();
/// let number = heap.boxed(1).unwrap();
/// std::thread::scope(|threads| {
///     threads.spawn(move || drop(number));
/// });
/// ```
#[derive(Debug)]
pub struct LocalHeap {
    handle: Handle,
    /// `Send` and not `Sync`.
    one_thread: PhantomData<Cell<()>>,
}

/// There is no memory, or the heap's limit would be passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllocError;

impl core::fmt::Display for AllocError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("out of memory")
    }
}

impl core::error::Error for AllocError {}

/// How a heap is to be.
///
/// ```
/// let local = metes::Heap::builder().name("parser").limit(1 << 20).fit(metes::Fit::First).make_local()?;
/// assert_eq!(local.stats().limit, 1 << 20);
/// # Ok::<(), metes::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeapBuilder<'a> {
    options: Options<'a>,
    reserve: usize,
}

impl<'a> HeapBuilder<'a> {
    /// What reports call the heap: up to 31 bytes are kept.
    #[must_use]
    pub fn name(mut self, name: &'a str) -> Self {
        self.options.name = name.as_bytes();
        self
    }

    /// The most bytes that blocks in use may have, 8 bytes of header for each included.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.options.limit = bytes;
        self
    }

    /// Which free block serves a request: the best one, unless that is changed.
    #[must_use]
    pub fn fit(mut self, fit: Fit) -> Self {
        self.options.fit = fit;
        self
    }

    /// Checks each block: a byte written beyond it is reported when the block is freed, or the heap checked, reset or
    /// dropped; a late write is reported when the block is used again. Such a heap takes a lock, also for one thread.
    #[must_use]
    pub fn checks(mut self) -> Self {
        self.options.exact = true;
        self
    }

    /// Puts 64 KiB that nobody can touch before and behind each range of the heap.
    #[must_use]
    pub fn guard_pages(mut self) -> Self {
        self.options.fenced = true;
        self
    }

    /// Gives the heap one range of so many bytes at once, up to 32 GiB, and never another.
    #[must_use]
    pub fn reserve(mut self, bytes: usize) -> Self {
        self.reserve = bytes;
        self
    }

    /// Makes a heap that threads may share.
    pub fn make(self) -> Result<Heap, AllocError> {
        Ok(Heap { handle: self.handle(false)? })
    }

    /// Makes a heap for one thread at a time.
    pub fn make_local(self) -> Result<LocalHeap, AllocError> {
        Ok(LocalHeap { handle: self.handle(true)?, one_thread: PhantomData })
    }

    fn handle(self, single: bool) -> Result<Handle, AllocError> {
        let memory = Memory::reserved(self.reserve).ok_or(AllocError)?;
        heap::make(&Options { single, memory, ..self.options }).ok_or(AllocError)
    }
}

/// The functions that both kinds of heaps have.
macro_rules! functions {
    () => {
        /// Its handle.
        #[inline]
        pub(super) fn handle(&self) -> Handle {
            self.handle
        }

        /// Memory for a layout, not initialised.
        #[inline]
        pub fn alloc_layout(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
            let align = layout.align().max(GRAIN);
            NonNull::new(heap::malloc(self.handle, layout.size(), align)).ok_or(AllocError)
        }

        /// Frees memory of this heap.
        ///
        /// # Safety
        /// `block` is from `alloc_layout` of this heap, and nothing uses it any more.
        #[inline]
        pub unsafe fn dealloc(&self, block: NonNull<u8>) {
            // SAFETY: the caller's promise.
            unsafe { heap::free(self.handle, block.as_ptr()) };
        }

        /// Moves a value into the heap. It is never dropped.
        #[inline]
        pub fn alloc<T>(&self, value: T) -> Result<&mut T, AllocError> {
            let place = self.alloc_layout(Layout::new::<T>())?.cast::<T>();
            // SAFETY: new memory of the type's layout, which lives as long as the heap, and which nobody else has.
            unsafe {
                place.write(value);
                Ok(&mut *place.as_ptr())
            }
        }

        /// A copy of a slice, in the heap.
        pub fn alloc_slice_copy<T: Copy>(&self, values: &[T]) -> Result<&mut [T], AllocError> {
            let place = self.alloc_layout(Layout::for_value(values))?.cast::<T>();
            // SAFETY: as in `alloc`.
            unsafe {
                place.as_ptr().copy_from_nonoverlapping(values.as_ptr(), values.len());
                Ok(core::slice::from_raw_parts_mut(place.as_ptr(), values.len()))
            }
        }

        /// A slice of `count` values, each of which `make` makes of its index. They are never dropped, also if `make`
        /// panics. It may use the heap.
        pub fn alloc_slice_fill_with<T>(
            &self,
            count: usize,
            mut make: impl FnMut(usize) -> T,
        ) -> Result<&mut [T], AllocError> {
            let layout = Layout::array::<T>(count).map_err(|_| AllocError)?;
            let place = self.alloc_layout(layout)?.cast::<T>();
            for index in 0..count {
                // SAFETY: there are so many.
                unsafe { place.add(index).write(make(index)) };
            }
            // SAFETY: each was written; as in `alloc`.
            Ok(unsafe { core::slice::from_raw_parts_mut(place.as_ptr(), count) })
        }

        /// A slice of `count` clones of a value. They are never dropped.
        pub fn alloc_slice_fill<T: Clone>(&self, count: usize, value: T) -> Result<&mut [T], AllocError> {
            self.alloc_slice_fill_with(count, |_| value.clone())
        }

        /// A copy of a text, in the heap.
        pub fn alloc_str(&self, text: &str) -> Result<&mut str, AllocError> {
            let bytes = self.alloc_slice_copy(text.as_bytes())?;
            // SAFETY: a copy of a text.
            Ok(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
        }

        /// Frees all blocks; the memory stays for the next ones.
        pub fn reset(&mut self) {
            heap::reset(self.handle);
        }

        /// Gives free pages back to the system; about how many bytes.
        pub fn purge(&self) -> usize {
            heap::purge(self.handle)
        }

        /// What the heap holds and has served.
        #[must_use]
        pub fn stats(&self) -> HeapStats {
            heap::figures(self.handle).unwrap_or_default()
        }

        /// Bytes of blocks in use, 8 bytes of header for each included.
        #[must_use]
        pub fn live(&self) -> usize {
            self.stats().live
        }

        /// Whether an address is in this heap's memory.
        #[must_use]
        pub fn owns<T: ?Sized>(&self, pointer: *const T) -> bool {
            heap::of(pointer.addr()) == Some(self.handle)
        }

        /// Checks every invariant of the heap: what is broken.
        pub fn check(&self) -> Result<(), &'static str> {
            heap::check(self.handle).map_err(|(what, _)| what)
        }
    };
}

#[expect(clippy::mut_from_ref, reason = "each call gives other memory")]
impl Heap {
    /// A heap without a name and a limit.
    pub fn new() -> Result<Self, AllocError> {
        Self::builder().make()
    }

    /// How a heap is to be: no name, no limit and best fit, unless that is changed.
    #[must_use]
    pub fn builder<'a>() -> HeapBuilder<'a> {
        HeapBuilder { options: Options::DEFAULT, reserve: 0 }
    }

    functions!();

    /// Runs `work`, and has all that this thread allocates meanwhile come from the heap, where [`Metes`](crate::Metes)
    /// is the program's allocator: boxes, vectors and strings, in whatever code.
    ///
    /// They may outlive `work`, go to other threads and be freed anywhere, so the heap has to be there for good: it is
    /// a static, for instance. For others there is [`scope_unchecked`](Self::scope_unchecked).
    ///
    /// Scopes nest, up to eight deep. Deeper ones, and all where threads have no caches (`checks=full`, `debug=1`,
    /// `caches=off`), run `work` without the heap.
    ///
    /// ```
    /// use std::sync::LazyLock;
    ///
    /// #[global_allocator]
    /// static ALLOCATOR: metes::Metes = metes::Metes;
    /// static PARSER: LazyLock<metes::Heap> = LazyLock::new(|| metes::Heap::builder().name("parser").make().unwrap());
    ///
    /// let words: Vec<String> = PARSER.scope(|| "some words".split(' ').map(String::from).collect());
    /// assert!(PARSER.owns(words.as_ptr()) && PARSER.owns(words[1].as_ptr()));
    /// drop(words);
    /// assert_eq!(PARSER.live(), 0);
    /// ```
    ///
    /// A heap that ends is refused:
    ///
    /// ```compile_fail,E0597
    /// let heap = metes::Heap::new().unwrap();
    /// let text = heap.scope(|| String::from("outlives the heap"));
    /// ```
    pub fn scope<R>(&'static self, work: impl FnOnce() -> R) -> R {
        // SAFETY: the heap is borrowed for good, so it neither ends nor is reset.
        unsafe { self.scope_unchecked(work) }
    }

    /// As [`scope`](Self::scope), of a heap that ends or is reset.
    ///
    /// # Safety
    /// Nothing that `work` allocates is used or dropped after the heap's end, or a reset: not what it returns, nor what
    /// it has put into statics, thread-local values, or collections that were there before.
    pub unsafe fn scope_unchecked<R>(&self, work: impl FnOnce() -> R) -> R {
        let _scope = Scope::new(self.handle);
        work()
    }
}

#[expect(clippy::mut_from_ref, reason = "each call gives other memory")]
impl LocalHeap {
    /// A heap without a name and a limit. [`HeapBuilder::make_local`] makes others.
    pub fn new() -> Result<Self, AllocError> {
        Heap::builder().make_local()
    }

    functions!();
}

impl Drop for Heap {
    fn drop(&mut self) {
        heap::destroy(self.handle);
    }
}

impl Drop for LocalHeap {
    fn drop(&mut self) {
        heap::destroy(self.handle);
    }
}

/// A thread's time in a heap; it ends when this is dropped.
pub(super) struct Scope {
    handle: Handle,
    is_in: bool,
}

impl Scope {
    /// Enters, if that can be.
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle, is_in: heap::enter(handle) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.is_in {
            let is_left = heap::leave(self.handle);
            debug_assert!(is_left, "scopes are left in the opposite order");
        }
    }
}
