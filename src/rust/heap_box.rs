//! Values in a heap of their own that are dropped, and whose blocks go back.

#![allow(unsafe_code)]

use super::heap::{AllocError, Heap, LocalHeap};
use crate::compartment::table::Handle;
use crate::special::heap;
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A value in a [`Heap`], or in a [`LocalHeap`], by `boxed`. When this is dropped the value is, and
/// its block goes back.
///
/// ```
/// let heap = metes::Heap::new()?;
/// let mut names: metes::HeapBox<Vec<&str>> = heap.boxed(vec!["a"])?;
/// names.push("b");
/// assert_eq!(names.into_inner(), ["a", "b"]);
/// assert_eq!(heap.live(), 0);
/// # Ok::<(), metes::AllocError>(())
/// ```
pub struct HeapBox<'h, T: ?Sized, H = Heap> {
    value: NonNull<T>,
    handle: Handle,
    /// It has a value, and gives back to a heap.
    from: PhantomData<(&'h H, T)>,
}

// SAFETY: the value goes along. The heap is used from there: it has to be one that threads share.
unsafe impl<T: ?Sized + Send, H: Sync> Send for HeapBox<'_, T, H> {}
// SAFETY: what is shared leads to the value alone.
unsafe impl<T: ?Sized + Sync, H> Sync for HeapBox<'_, T, H> {}

/// What makes boxes of a kind of heap.
macro_rules! boxing {
    ($heap:ty) => {
        impl $heap {
            /// Moves a value into a box in the heap, which drops it and frees its block.
            #[inline]
            pub fn boxed<T>(&self, value: T) -> Result<HeapBox<'_, T, Self>, AllocError> {
                let place = self.alloc_layout(Layout::new::<T>())?.cast::<T>();
                // SAFETY: new memory of the type's layout, which is the box's from here on.
                unsafe { place.write(value) };
                Ok(HeapBox { value: place, handle: self.handle(), from: PhantomData })
            }
        }
    };
}

boxing!(Heap);
boxing!(LocalHeap);

impl<'h, T: ?Sized, H> HeapBox<'h, T, H> {
    /// The value, for as long as the heap: it is not dropped, and its block does not go back before.
    pub fn leak(self) -> &'h mut T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is there as long as the heap, which is borrowed, and nothing else leads to it.
        unsafe { &mut *this.value.as_ptr() }
    }
}

impl<T, H> HeapBox<'_, T, H> {
    /// The value; its block goes back.
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is there, and from here on it is not; the box is not dropped.
        unsafe {
            let value = this.value.read();
            heap::free(this.handle, this.value.cast().as_ptr());
            value
        }
    }
}

impl<T: ?Sized, H> Drop for HeapBox<'_, T, H> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value is there, and only this box has it.
        unsafe {
            self.value.drop_in_place();
            heap::free(self.handle, self.value.cast().as_ptr());
        }
    }
}

impl<T: ?Sized, H> Deref for HeapBox<'_, T, H> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value is there, and only this box has it.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized, H> DerefMut for HeapBox<'_, T, H> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is there, and only this box has it.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug, H> fmt::Debug for HeapBox<'_, T, H> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}
