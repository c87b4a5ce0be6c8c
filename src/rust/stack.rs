//! `Stack`: memory in frames, each of which gives back all it has taken.

#![allow(unsafe_code)]

use crate::base::align;
use crate::base::config::GRAIN;
use crate::special::stack::check::Figures;
use crate::special::stack::{ALIGN_MAX, End, Raw};
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// What a stack holds, in bytes.
pub type StackStats = Figures;

/// A stack of memory in one range, used in frames.
///
/// ```
/// let mut stack = metes::Stack::new(4096).unwrap();
/// let sum = stack.frame(|frame| {
///     let numbers = frame.copied(&[1, 2, 3]).unwrap();
///     numbers[0] = 10;
///     // What an inner frame takes is back behind it; what this one has stays.
///     let inner = frame.frame(|inner| *inner.push(5).unwrap());
///     numbers.iter().sum::<i32>() + inner
/// });
/// assert_eq!((sum, stack.stats().left), (20, stack.stats().bytes));
/// ```
///
/// What is pushed may borrow what is outside, and what an outer frame has:
///
/// ```
/// let (mut stack, text) = (metes::Stack::new(4096).unwrap(), String::from("a text"));
/// stack.frame(|frame| {
///     let words = frame.copied(&[&text[..1], &text[2..]]).unwrap();
///     frame.frame(|inner| assert_eq!(**inner.push(&words[1]).unwrap(), "text"));
/// });
/// ```
///
/// Nothing leaves its frame, and an outer frame cannot push while an inner one is there:
///
/// ```compile_fail
/// let mut stack = metes::Stack::new(4096).unwrap();
/// let kept = stack.frame(|frame| frame.push(5).unwrap());
/// ```
///
/// ```compile_fail,E0521
/// let mut stack = metes::Stack::new(4096).unwrap();
/// let mut kept = None;
/// stack.frame(|frame| kept = frame.push(5));
/// ```
///
/// ```compile_fail,E0502
/// let mut stack = metes::Stack::new(4096).unwrap();
/// stack.frame(|outer| outer.frame(|_| { outer.push(5); }));
/// ```
///
/// ```compile_fail,E0499
/// let mut buffer = [core::mem::MaybeUninit::uninit(); 4096];
/// let mut stack = metes::Stack::over(&mut buffer).unwrap();
/// buffer[0].write(1u8);
/// stack.frame(|_| ());
/// ```
///
/// Nor does a frame go to another thread:
///
/// ```compile_fail,E0277
/// let mut stack = metes::Stack::new(4096).unwrap();
/// stack.frame(|frame| std::thread::scope(|threads| {
///     threads.spawn(|| frame.push(5).is_some());
/// }));
/// ```
pub struct Stack<'b> {
    raw: Raw,
    owned: bool,
    buffer: PhantomData<(&'b mut [MaybeUninit<u8>], *mut u8)>,
}

// SAFETY: all that a stack has is in its range, which is its own.
unsafe impl Send for Stack<'_> {}

impl Stack<'static> {
    /// A stack with a range of its own of `bytes` bytes; `None` if there is no memory.
    pub fn new(bytes: usize) -> Option<Self> {
        // Frames are marks.
        Raw::new(bytes, true).map(|raw| Self { raw, owned: true, buffer: PhantomData })
    }
}

impl<'b> Stack<'b> {
    /// A stack in a buffer, some 80 bytes of which are its own; `None` if it is too small.
    pub fn over(buffer: &'b mut [MaybeUninit<u8>]) -> Option<Self> {
        let start = buffer.as_mut_ptr().cast::<u8>();
        let skip = align::up(start.addr(), GRAIN) - start.addr();
        let bytes = buffer.len().checked_sub(skip)?;
        // SAFETY: as many bytes are in the buffer, which is borrowed for as long as the stack lives.
        let raw = unsafe { Raw::over(NonNull::new(start.add(skip))?, bytes, true) }?;
        Some(Self { raw, owned: false, buffer: PhantomData })
    }

    /// Runs `work` with a frame. What it pushes, at either end, goes when it returns or panics.
    pub fn frame<R>(&mut self, work: impl for<'f> FnOnce(&mut Frame<'f>) -> R) -> R {
        run(self.raw, work)
    }

    /// What the stack holds.
    pub fn stats(&self) -> StackStats {
        self.raw.figures()
    }

    /// What is wrong with the stack, as a sentence; `None` if nothing is.
    pub fn check(&self) -> Option<&'static str> {
        self.raw.check().map(|what| what.to_str().unwrap_or_default())
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: no frame is there any more.
            unsafe { self.raw.destroy() };
        }
    }
}

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Stack").field(&self.stats()).finish()
    }
}

/// Where the ends stood; they stand there again when it goes.
struct Ends {
    raw: Raw,
    low: u64,
    high: u64,
}

impl Drop for Ends {
    #[inline]
    fn drop(&mut self) {
        self.raw.rewind(End::Low, self.low);
        self.raw.rewind(End::High, self.high);
    }
}

#[inline]
fn run<R>(raw: Raw, work: impl for<'f> FnOnce(&mut Frame<'f>) -> R) -> R {
    let _ends = Ends { raw, low: raw.mark(End::Low), high: raw.mark(End::High) };
    work(&mut Frame { raw, life: PhantomData })
}

/// A part of a stack. What is pushed in it lives as long as it, and is not dropped: its bytes go.
pub struct Frame<'f> {
    raw: Raw,
    // Of one thread. Covariant: values that borrow what is outside stand in it for a part of its life.
    life: PhantomData<(&'f (), *mut ())>,
}

impl<'f> Frame<'f> {
    /// Memory for a layout at an end; `None` if there is no room.
    #[inline]
    pub fn allocate(&self, layout: Layout) -> Option<&'f mut [MaybeUninit<u8>]> {
        self.memory(End::Low, layout)
    }

    #[inline]
    fn memory(&self, end: End, layout: Layout) -> Option<&'f mut [MaybeUninit<u8>]> {
        if layout.align() > ALIGN_MAX {
            return None;
        }
        let block = self.raw.push(end, layout.size(), layout.align().max(GRAIN))?;
        // SAFETY: fresh memory of that size, until the frame ends.
        Some(unsafe { core::slice::from_raw_parts_mut(block.as_ptr().cast(), layout.size()) })
    }

    #[inline]
    fn put<T>(&self, end: End, value: T) -> Option<&'f mut T> {
        let place = self.memory(end, Layout::new::<T>())?.as_mut_ptr().cast::<T>();
        // SAFETY: fresh memory for a `T`, until the frame ends.
        unsafe {
            place.write(value);
            Some(&mut *place)
        }
    }

    /// A value at the low end; `None` if there is no room.
    #[inline]
    pub fn push<T: 'f>(&self, value: T) -> Option<&'f mut T> {
        self.put(End::Low, value)
    }

    /// A value at the high end.
    #[inline]
    pub fn push_high<T: 'f>(&self, value: T) -> Option<&'f mut T> {
        self.put(End::High, value)
    }

    /// A copy of a slice at the low end; `None` if there is no room.
    pub fn copied<T: Copy + 'f>(&self, slice: &[T]) -> Option<&'f mut [T]> {
        let place = self.memory(End::Low, Layout::for_value(slice))?.as_mut_ptr().cast::<T>();
        // SAFETY: fresh memory for as many, until the frame ends.
        unsafe {
            place.copy_from_nonoverlapping(slice.as_ptr(), slice.len());
            Some(core::slice::from_raw_parts_mut(place, slice.len()))
        }
    }

    /// A copy of a text at the low end; `None` if there is no room.
    pub fn text(&self, text: &str) -> Option<&'f mut str> {
        let bytes = self.copied(text.as_bytes())?;
        // SAFETY: a copy of a text.
        Some(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
    }

    /// Bytes between the ends.
    pub fn left(&self) -> usize {
        self.raw.figures().left
    }

    /// Runs `work` with a frame inside this one.
    pub fn frame<R>(&mut self, work: impl for<'g> FnOnce(&mut Frame<'g>) -> R) -> R {
        run(self.raw, work)
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Frame").field(&self.raw.figures()).finish()
    }
}
