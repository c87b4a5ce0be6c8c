//! The pool: objects of one size, in slabs.
//!
//! ```text
//!     pool: current word, directory ---> records of slabs: which objects are free (a bit each), and which words of these may have one
//!                                          |                                               |
//!                                          v                                               v
//!                                   slab: object | object | ...                     slab: object | object | ...
//! ```
//!
//! A slab is a chunk of the process's memory, aligned to its size: its address is that of any object with the lower
//! bits cleared. Its record stands elsewhere, and is found by that address in a table. So a free object is never
//! written to, whatever a program writes behind an object reaches no word of the pool's, and a pointer that comes
//! back is judged by the pool's own records alone: what it leads to is not read.
//!
//! The lowest free object of the lowest slab is handed out next, so that what is out stays together, and slabs run
//! empty.
//!
//! An object is constructed when its slab is made and destructed when the slab goes. In between it stays constructed,
//! whether it is out or not: who frees it leaves it as the next one may have it. That is the object cache of Bonwick,
//! "The Slab Allocator: An Object-Caching Kernel Memory Allocator", USENIX Summer 1994; there too slabs have their
//! bitmaps, or lists, off the slab where objects are large.
//!
//! No callback, and no call for memory, is made with the lock held.

#![allow(unsafe_code)]

pub mod cursor;
pub mod directory;
pub mod handle;
pub mod hot;
pub mod options;
pub mod report;
pub mod shape;
pub mod slab;
#[cfg(test)]
mod tests;

use crate::base::pointer;
use crate::special::entry::{Entered, Entry};
use crate::sys::mempool::{pool_allocated, pool_created, pool_destroyed, pool_freed};
use crate::sys::valgrind::{allocated, freed};
use crate::sys::{errno, valgrind};
use core::ffi::{CStr, c_void};
use core::ptr::NonNull;
use cursor::Cursor;
use directory::Directory;
use hot::{Hot, Object, Wrong};
use options::{Callbacks, Options};
use shape::Shape;
use slab::SlabRef;

/// See `Pool::gap`.
const GAP: usize = 64;

/// The pool.
pub struct Pool {
    hot: Entry<Hot>,
    /// Neither shared nor announced.
    is_plain: bool,
    /// Valgrind is told of every object.
    is_announced: bool,
    shape: Shape,
    object_bytes: usize,
    limit: usize,
    callbacks: Callbacks,
}

/// What a pool has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Objects that are out.
    pub live: usize,
    /// Objects that are free, in the slabs that there are.
    pub free: usize,
    /// Slabs.
    pub slabs: usize,
    /// Their bytes, of the process's memory.
    pub bytes: usize,
}

impl Pool {
    /// A pool of objects of so many bytes, without slabs yet; `None`, and ENOMEM in errno, if there is no memory. The
    /// options are valid. `gap` is what valgrind needs: see `announce`.
    pub fn new(object_bytes: usize, options: &Options, gap: usize) -> Option<Self> {
        let shape = Shape::new(object_bytes, options.align, options.limit, gap);
        let limit = if options.limit == 0 { usize::MAX } else { options.limit };
        let hot = Hot::new(shape, limit, Directory::new(0, shape.slab_bytes)?);
        let is_shared = options.shared != 0;
        let hot = Entry::new(hot, is_shared);
        let callbacks = options.callbacks;
        Some(Self { hot, is_plain: !is_shared, is_announced: false, shape, object_bytes, limit, callbacks })
    }

    /// Bytes behind each object that nobody may touch, so that valgrind's tools see who goes too far; none where they
    /// do not run.
    pub fn gap() -> usize {
        if valgrind::listens() { GAP } else { 0 }
    }

    /// Tells valgrind of every object from now on, if it listens. The pool stays in its place.
    pub fn announce(&mut self) {
        if valgrind::listens() {
            (self.is_announced, self.is_plain) = (true, false);
            pool_created!(self.name(), GAP);
        }
    }

    /// What valgrind knows the pool by.
    fn name(&self) -> usize {
        (&raw const *self).addr()
    }

    /// How the objects stand.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What was asked for.
    pub fn object_bytes(&self) -> usize {
        self.object_bytes
    }

    #[inline]
    fn enter(&self) -> Entered<'_, Hot> {
        // SAFETY: who uses a pool that is not shared is alone, and nothing is called from inside that comes back here.
        unsafe { self.hot.enter() }
    }

    /// An object; `None`, and ENOMEM in errno, if as many are out as may be, or there is no memory.
    #[inline(always)]
    pub fn alloc(&self) -> Option<Object> {
        if self.is_plain {
            // SAFETY: it is not shared, and nothing is called from inside.
            let object = unsafe { self.hot.alone() }.pop();
            if object.is_some() {
                return object;
            }
        }
        self.alloc_slowly()
    }

    #[inline(never)]
    pub fn alloc_slowly(&self) -> Option<Object> {
        loop {
            let mut hot = self.enter();
            if let Some(object) = hot.pop() {
                if self.is_announced {
                    hot.forget_last();
                    self.announce_out(object.address);
                }
                return Some(object);
            }
            let has_left = hot.left() != 0;
            drop(hot);
            if !has_left {
                errno::set_errno(libc::ENOMEM);
                return None;
            }
            self.grow()?;
        }
    }

    fn announce_out(&self, object: NonNull<u8>) {
        pool_allocated!(self.name(), object.addr().get(), self.object_bytes.max(1));
        if self.callbacks.construct.is_some() {
            valgrind::show(object.addr().get(), self.object_bytes);
        }
    }

    /// Takes an object back; false, and nothing was done, if `free` is to be called.
    #[inline(always)]
    pub fn free_quickly(&self, address: usize) -> bool {
        // SAFETY: it is not shared, and nothing is called from inside.
        self.is_plain && unsafe { self.hot.alone() }.give_quickly(address)
    }

    /// Takes an object back.
    #[inline(never)]
    pub fn free(&self, address: usize) -> Result<(), Wrong> {
        let mut hot = self.enter();
        let given = hot.give(address);
        if given.is_ok() && self.is_announced {
            pool_freed!(self.name(), address);
        }
        given
    }

    /// Takes back an object that is out for sure.
    #[inline(never)]
    pub fn give(&self, address: usize) {
        let given = self.free(address);
        debug_assert_eq!(given, Ok(()));
    }

    /// One slab more.
    #[cold]
    #[inline(never)]
    fn grow(&self) -> Option<()> {
        let slab = self.make()?;
        loop {
            let mut hot = self.enter();
            if hot.directory.len() < hot.directory.capacity() {
                hot.add(slab);
                return Some(());
            }
            let capacity = hot.directory.capacity();
            drop(hot);
            if self.enlarge(2 * capacity).is_none() {
                self.unmake(slab, self.shape.objects);
                errno::set_errno(libc::ENOMEM);
                return None;
            }
        }
    }

    /// Makes room for so many slabs, unless another thread has.
    fn enlarge(&self, capacity: usize) -> Option<()> {
        let mut directory = Directory::new(capacity, self.shape.slab_bytes)?;
        let mut hot = self.enter();
        if hot.directory.capacity() < directory.capacity() {
            directory.adopt(&hot.directory);
            core::mem::swap(&mut hot.directory, &mut directory);
        }
        drop(hot);
        // SAFETY: it is in no pool any more, or was in none.
        unsafe { directory.release() };
        Some(())
    }

    /// A slab of constructed objects.
    fn make(&self) -> Option<SlabRef> {
        let slab = slab::make(&self.shape)?;
        for index in 0..self.shape.objects {
            let Some(construct) = self.callbacks.construct else { break };
            if construct(self.object(slab, index), self.callbacks.argument) != 0 {
                self.withdraw_chunk(slab);
                self.unmake(slab, index);
                errno::set_errno(libc::ENOMEM);
                return None;
            }
        }
        self.withdraw_chunk(slab);
        Some(slab)
    }

    /// Memcheck would say of each address in a slab that it is in the chunk: it is to know the objects alone.
    fn withdraw_chunk(&self, slab: SlabRef) {
        if self.is_announced {
            let (start, bytes) = (self.object(slab, 0).addr(), self.shape.chunk_bytes());
            valgrind::shrink(start, bytes, 1);
            freed!(start);
            valgrind::hide(start, bytes);
        }
    }

    fn object(&self, slab: SlabRef, index: usize) -> *mut c_void {
        // SAFETY: the caller has the slab.
        pointer::at_mut(unsafe { slab.as_ref() }.start + index * self.shape.stride)
    }

    /// Gives a slab back that is in no pool, the first `constructed` objects of which are constructed.
    fn unmake(&self, slab: SlabRef, constructed: usize) {
        for index in (0..constructed).rev() {
            let Some(destruct) = self.callbacks.destruct else { break };
            let object = self.object(slab, index);
            if self.is_announced {
                valgrind::show(object.addr(), self.object_bytes);
            }
            destruct(object, self.callbacks.argument);
        }
        if self.is_announced {
            allocated!(self.object(slab, 0).addr(), self.shape.chunk_bytes(), false);
        }
        // SAFETY: nobody else has it.
        unsafe { slab::release(slab) };
    }

    /// Gives back slabs that are in no pool any more, each of which leads to the next. How many bytes that were.
    fn unmake_all(&self, mut first: Option<SlabRef>) -> usize {
        let mut bytes = 0;
        while let Some(slab) = first {
            // SAFETY: nobody else has it.
            first = NonNull::new(unsafe { slab.as_ref() }.next);
            self.unmake(slab, self.shape.objects);
            bytes += self.shape.chunk_bytes();
        }
        bytes
    }

    /// Makes so many objects ready, beside those that are out. False if there is no memory.
    pub fn reserve(&self, objects: usize) -> bool {
        while self.stats().free < objects {
            if self.grow().is_none() {
                return false;
            }
        }
        true
    }

    /// Gives the slabs back that have no object out. How many bytes that were.
    pub fn trim(&self) -> usize {
        let empty = self.enter().take_empty();
        self.unmake_all(empty)
    }

    /// Takes all objects back. They stay constructed, and the slabs stay.
    pub fn reset(&self) {
        let mut hot = self.enter();
        hot.give_all();
        if self.is_announced {
            pool_destroyed!(self.name());
            pool_created!(self.name(), GAP);
            for rank in 0..hot.directory.len() {
                valgrind::hide(self.object(hot.directory.at(rank), 0).addr(), self.shape.chunk_bytes());
            }
        }
    }

    /// Calls a function for each object that is out, by address, until it says no; whether it has. It may call
    /// anything: what comes out meanwhile is visited if it stands behind, and what comes back is not.
    pub fn for_each(&self, mut f: impl FnMut(Object) -> bool) -> bool {
        let mut cursor = self.cursor();
        while let Some(object) = self.advance(&mut cursor) {
            if !f(object) {
                return true;
            }
        }
        false
    }

    /// The way through the objects that are out.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(&self.enter())
    }

    /// The next object of a way.
    #[inline]
    pub fn advance(&self, cursor: &mut Cursor) -> Option<Object> {
        cursor.next(&self.enter())
    }

    /// Whether an object of the pool starts there that is out.
    pub fn owns(&self, address: usize) -> bool {
        self.enter().is_out(address)
    }

    /// What the calls work with.
    ///
    /// # Safety
    /// The pool is not shared, nor announced, and nobody else is in a call for it.
    #[expect(clippy::mut_from_ref, reason = "the caller's promise")]
    #[inline(always)]
    pub unsafe fn alone(&self) -> &mut Hot {
        // SAFETY: the caller's promise.
        unsafe { self.hot.alone() }
    }

    /// How many objects are out.
    pub fn count(&self) -> usize {
        self.limit - self.enter().left()
    }

    /// What the pool has.
    pub fn stats(&self) -> Stats {
        let hot = self.enter();
        let (slabs, live) = (hot.directory.len(), self.limit - hot.left());
        Stats { live, free: slabs * self.shape.objects - live, slabs, bytes: slabs * self.shape.chunk_bytes() }
    }

    /// Which invariant is broken, if one is.
    pub fn check(&self) -> Result<(), &'static CStr> {
        self.enter().check(self.limit)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let all = self.enter().take_all();
        self.unmake_all(all);
        if self.is_announced {
            pool_destroyed!(self.name());
        }
        // SAFETY: the slabs are gone, and nobody uses the pool any more.
        unsafe { self.enter().directory.release() };
    }
}
