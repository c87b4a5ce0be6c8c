//! Arenas as C programs have them: behind a pointer, which may be wrong.

#![allow(unsafe_code)]

use super::Arena;
use super::chunk::HEAD;
use super::options::Options;
use super::records::Function;
use super::rewind::{Mark, Wrong};
use super::seal;
use crate::base::align;
use crate::base::code::Code;
use crate::base::config::GRAIN;
use crate::special::memory::Memory;
use crate::sys::errno;
use crate::trace::report;
use core::cell::Cell;
use core::ffi::{CStr, c_void};
use core::mem::offset_of;
use core::ptr::NonNull;

/// An arena, and the word by which it is known.
#[repr(C)]
#[derive(Debug)]
pub struct Handle {
    alive: Cell<u64>,
    /// Where the heap writes to a block that is free.
    _room: usize,
    arena: Arena,
}

// `metes.hpp` allocates by these two words, without a call.
const _: () = assert!(Arena::PLACE_AND_END.0 + offset_of!(Handle, arena) == 16);
const _: () = assert!(Arena::PLACE_AND_END.1 + offset_of!(Handle, arena) == 24);

/// The least bytes of a buffer.
pub const BUFFER_LEAST: usize = size_of::<Handle>() + HEAD + 4 * GRAIN;

fn invalid<T>() -> Option<T> {
    errno::set_errno(libc::EINVAL);
    None
}

impl Handle {
    /// Puts an arena where it stays.
    ///
    /// # Safety
    /// The place is large enough, aligned, and nobody else's.
    unsafe fn put(place: NonNull<Self>, arena: Arena) {
        // SAFETY: the caller's promise.
        unsafe { place.write(Self { alive: Cell::new(0), _room: 0, arena }) };
        // SAFETY: it was just written.
        let handle = unsafe { place.as_ref() };
        handle.alive.set(seal::of(handle.address(), &[]));
    }

    /// A new arena. `None`, with `EINVAL` or `ENOMEM` in errno, if an option is no good or there is no memory.
    pub fn create(options: Options, memory: Memory) -> Option<NonNull<Self>> {
        let Some(options) = options.resolve("metes_arena_new") else { return invalid() };
        let place = memory.allocate(size_of::<Self>(), GRAIN)?.cast();
        // SAFETY: it was just allocated.
        unsafe { Self::put(place, Arena::new(memory, options)) };
        Some(place)
    }

    /// A new arena in a buffer. `None`, with `EINVAL` in errno, if that is too small.
    ///
    /// # Safety
    /// Nobody else uses the buffer while there is the arena.
    pub unsafe fn create_over(buffer: *mut u8, bytes: usize) -> Option<NonNull<Self>> {
        let skipped = buffer.addr().wrapping_neg() % GRAIN;
        let (Some(buffer), true) = (NonNull::new(buffer), bytes >= BUFFER_LEAST + skipped) else {
            report::say(format_args!(
                "metes_arena_over: bytes={bytes} is not valid: valid are a buffer and {} and more",
                BUFFER_LEAST + skipped
            ));
            return invalid();
        };
        let own = skipped + align::up(size_of::<Self>(), GRAIN);
        // SAFETY: within the buffer, and the caller's promise.
        let arena = unsafe { Arena::over(buffer.add(own), bytes - own) };
        // SAFETY: within the buffer, and aligned.
        let place = unsafe { buffer.add(skipped) }.cast();
        // SAFETY: nobody else uses it.
        unsafe { Self::put(place, arena) };
        Some(place)
    }

    fn address(&self) -> usize {
        (&raw const *self).addr()
    }

    #[inline(never)]
    fn is_alive(&self) -> bool {
        seal::holds(self.alive.get(), self.address(), &[])
    }

    /// Whether there is an arena, and no cleanup of it is at work; reported if not.
    fn may(&self, function: &str) -> bool {
        let address = self.address();
        if !self.is_alive() {
            let text = format_args!("{function}({address:#x}): there is no arena, or it was destroyed");
            report::found(Code::FreedPointer, address, text, &|_| {});
            return false;
        }
        true
    }

    fn may_free(&self, function: &str) -> bool {
        let address = self.address();
        if !self.may(function) {
            return false;
        }
        if self.arena.is_busy() {
            let text =
                format_args!("{function}({address:#x}): a cleanup of this arena, which is freeing, has called it");
            report::found(Code::DoubleFree, address, text, &|_| {});
            return false;
        }
        true
    }

    /// The arena, of which nothing was verified.
    #[inline(always)]
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// What nearly all calls end in.
    #[inline(always)]
    pub fn alloc(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        match self.arena.bump(align, bytes) {
            None => self.alloc_slowly(align, bytes),
            piece => piece,
        }
    }

    #[cold]
    #[inline(never)]
    extern "C" fn alloc_slowly(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        if self.may("metes_arena_alloc") { self.arena.alloc_slowly(align, bytes) } else { invalid() }
    }

    /// The same aligned, if `align` is a power of two; else `EINVAL`.
    #[inline]
    pub fn alloc_aligned(&self, align: usize, bytes: usize) -> Option<NonNull<u8>> {
        if align.is_power_of_two() { self.alloc(align, bytes) } else { invalid() }
    }

    /// `count` times `size` bytes. `None` and `ENOMEM` also if that is more than there are addresses.
    #[inline]
    pub fn alloc_array(&self, count: usize, size: usize) -> Option<NonNull<u8>> {
        match count.checked_mul(size) {
            Some(bytes) => self.alloc(GRAIN, bytes),
            None => {
                errno::set_errno(libc::ENOMEM);
                None
            }
        }
    }

    /// The same, zero.
    pub fn calloc(&self, count: usize, size: usize) -> Option<NonNull<u8>> {
        let piece = self.alloc_array(count, size)?;
        // SAFETY: it has as many bytes.
        unsafe { piece.write_bytes(0, count * size) };
        Some(piece)
    }

    /// A copy of `bytes` bytes, with `zeroes` zeroes behind it.
    ///
    /// # Safety
    /// They can be read.
    pub unsafe fn copy(&self, from: *const u8, bytes: usize, zeroes: usize, align: usize) -> Option<NonNull<u8>> {
        let piece = self.alloc(align, bytes.saturating_add(zeroes))?;
        // SAFETY: the caller's promise, and the piece is as large and nobody's.
        unsafe {
            piece.as_ptr().copy_from_nonoverlapping(from, bytes);
            piece.add(bytes).write_bytes(0, zeroes);
        }
        Some(piece)
    }

    /// Resizes a piece, or makes one of null.
    ///
    /// # Safety
    /// It is of this arena, and has `old` bytes.
    pub unsafe fn realloc(&self, piece: *mut u8, old: usize, new: usize) -> Option<NonNull<u8>> {
        let Some(piece) = NonNull::new(piece) else { return self.alloc(GRAIN, new) };
        if !self.may("metes_arena_realloc") {
            return invalid();
        }
        let address = piece.addr().get();
        if self.arena.is_free(address, old) {
            let text = format_args!("metes_arena_realloc({address:#x}): this part of the arena is free");
            report::found(Code::FreedPointer, address, text, &|_| {});
            return invalid();
        }
        // SAFETY: the caller's promise.
        unsafe { self.arena.realloc(piece, old, new) }
    }

    /// Marks this position.
    pub fn mark(&self) -> Mark {
        if self.may("metes_arena_mark") { self.arena.mark() } else { Mark { at: core::ptr::null_mut(), serial: 0 } }
    }

    /// Takes all back that came after a mark. A mark that is none of this arena's any more is reported.
    ///
    /// # Safety
    /// Nothing that came after is used any more.
    pub unsafe fn rewind(&self, mark: Mark) {
        if !self.may_free("metes_arena_rewind") {
            return;
        }
        // SAFETY: the caller's promise.
        let Err(wrong) = (unsafe { self.arena.rewind(mark) }) else { return };
        let (code, why) = match wrong {
            Wrong::Foreign => (Code::ForeignPointer, "the mark is not of this arena"),
            Wrong::Past => (Code::FreedPointer, "the mark was rewound past, or the arena reset, since it was set"),
        };
        let address = self.address();
        report::found(code, address, format_args!("metes_arena_rewind({address:#x}): {why}"), &|_| {});
    }

    /// Takes all back.
    ///
    /// # Safety
    /// Nothing of it is used any more.
    pub unsafe fn reset(&self) {
        if self.may_free("metes_arena_reset") {
            // SAFETY: the caller's promise.
            unsafe { self.arena.reset() };
        }
    }

    /// Gives chunks back that have no pieces; how many bytes those were.
    pub fn trim(&self) -> usize {
        if self.may_free("metes_arena_trim") { self.arena.release_spare() } else { 0 }
    }

    /// Registers a cleanup.
    pub fn on_reset(&self, function: Option<Function>, argument: *mut c_void) -> bool {
        match function {
            Some(function) if self.may("metes_arena_on_reset") => self.arena.on_reset(function, argument),
            _ => invalid::<()>().is_some(),
        }
    }

    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), &'static CStr> {
        if !self.is_alive() {
            return Err(c"there is no arena, or it was destroyed");
        }
        self.arena.check()
    }

    /// Takes all back, and the arena.
    ///
    /// # Safety
    /// Nothing of it is used any more, nor it itself.
    pub unsafe fn destroy(this: NonNull<Self>) {
        // SAFETY: an arena is there, or was.
        let handle = unsafe { this.as_ref() };
        if !handle.is_alive() {
            let address = handle.address();
            let text = format_args!("metes_arena_destroy({address:#x}): it was destroyed already, or is no arena");
            return report::found(Code::DoubleFree, address, text, &|_| {});
        }
        if !handle.may_free("metes_arena_destroy") {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { handle.arena.close() };
        handle.alive.set(0);
        if let Some(memory) = handle.arena.memory {
            // SAFETY: `create` had it from there.
            unsafe { memory.release(this.cast()) };
        }
    }
}
