//! A buddy allocator in a control block, as the C API has it: over memory, or over offsets.

#![allow(unsafe_code)]

use super::options::{self, Layout, Options};
use super::{Buddy, Wrong, report};
use crate::base::code::Code;
use crate::base::{checksum, pointer};
use crate::special::memory::Memory;
use crate::sys::mempool::{pool_allocated, pool_created, pool_destroyed, pool_freed};
use crate::sys::{errno, valgrind};
use core::ptr::NonNull;

/// Of the seal's content: any number will do.
const SEAL_BITS: u32 = 32;
const SEAL: u64 = 0x6275_6464;
/// An own range is aligned to its largest block, up to this.
const OWN_ALIGN_MAX: usize = 1 << 30;
/// What the control block is aligned to.
const CONTROL_ALIGN: usize = 16;

/// The allocator, and what is to go with it. Behind it stand the words of its bitmaps.
pub struct Handle {
    seal: u64,
    buddy: Buddy,
    /// The range, or 0 for offsets.
    start: usize,
    bytes: usize,
    has_offsets: bool,
    own_range: Option<NonNull<u8>>,
    has_own_control: bool,
    is_announced: bool,
}

/// What a new allocator is of: the caller's range, one of its own, or none.
fn layout(range: usize, bytes: usize, options_bytes: usize, options: &Options) -> Option<Layout> {
    if options_bytes < size_of::<usize>() {
        return options::refuse("size", options_bytes, format_args!("sizeof(struct metes_buddy_options)"));
    }
    if options.offsets == 1 && range != 0 {
        return options::refuse("range", range, format_args!("NULL, where there are offsets alone"));
    }
    Layout::new(range, bytes, options)
}

/// Bytes of a control block for a layout.
fn control_bytes(layout: &Layout) -> usize {
    size_of::<Handle>() + layout.words() * size_of::<u64>()
}

/// The same before anything is made; 0, and EINVAL in errno, for what is invalid.
pub fn needed(range: usize, bytes: usize, options_bytes: usize, options: &Options) -> usize {
    let layout = layout(range, bytes, options_bytes, options);
    if layout.is_none() {
        errno::set_errno(libc::EINVAL);
    }
    layout.map_or(0, |layout| control_bytes(&layout))
}

impl Handle {
    /// Makes one; `None`, with EINVAL or ENOMEM in errno, if that cannot be.
    ///
    /// # Safety
    /// The range and the control block that are given are the caller's, and used by nobody else.
    pub unsafe fn create(range: usize, bytes: usize, options_bytes: usize, options: &Options) -> Option<NonNull<Self>> {
        let layout = layout(range, bytes, options_bytes, options).and_then(|layout| control_fits(&layout, options));
        let Some(mut layout) = layout else {
            errno::set_errno(libc::EINVAL);
            return None;
        };
        let own_range = if range == 0 && options.offsets == 0 {
            let chunk = Memory::Process.allocate(bytes, layout.bytes(layout.top).min(OWN_ALIGN_MAX))?;
            layout = Layout::new(chunk.as_ptr().expose_provenance(), bytes, options)?;
            Some(chunk)
        } else {
            None
        };
        let control = if options.control == 0 {
            Memory::Process.allocate(control_bytes(&layout), CONTROL_ALIGN)
        } else {
            NonNull::new(pointer::at_mut::<u8>(options.control))
        };
        let Some(control) = control else {
            if let Some(chunk) = own_range {
                // SAFETY: it was just made.
                unsafe { Memory::Process.release(chunk) };
            }
            return None;
        };
        let start = own_range.map_or(range, |chunk| chunk.addr().get());
        // SAFETY: the block has room for all, and stays where it is.
        let handle = unsafe {
            control.write_bytes(0, control_bytes(&layout));
            let block: NonNull<Self> = control.cast();
            let buddy = Buddy::new(block.add(1).cast().as_ptr(), layout, options.shared == 1);
            let seal = checksum::attach::<SEAL_BITS>(block.addr().get(), SEAL);
            block.write(Self {
                seal,
                buddy,
                start,
                bytes,
                has_offsets: options.offsets == 1,
                own_range,
                has_own_control: options.control == 0,
                is_announced: options.offsets == 0 && valgrind::listens(),
            });
            block
        };
        // SAFETY: it was just made.
        unsafe { handle.as_ref() }.announce();
        Some(handle)
    }

    /// Gives everything back that is not the caller's.
    ///
    /// # Safety
    /// Nobody uses it or a block of it any more.
    pub unsafe fn destroy(block: NonNull<Self>) {
        let address = block.addr().get();
        // SAFETY: one is there, or was.
        let handle = unsafe { &mut *block.as_ptr() };
        if checksum::verify::<SEAL_BITS>(address, handle.seal) != Some(SEAL) {
            let what = format_args!("metes_buddy_destroy({address:#x}): no buddy allocator is here, or no more");
            return crate::trace::report::found(Code::DoubleFree, address, what, &|_| {});
        }
        handle.seal = 0;
        if handle.is_announced {
            pool_destroyed!(address);
            valgrind::show(handle.start, handle.bytes);
        }
        let (own_range, has_own_control) = (handle.own_range, handle.has_own_control);
        // SAFETY: the caller's promise; both are from `create`.
        unsafe {
            if let Some(range) = own_range {
                Memory::Process.release(range);
            }
            if has_own_control {
                Memory::Process.release(block.cast());
            }
        }
    }

    /// The allocator.
    pub fn buddy(&self) -> &Buddy {
        &self.buddy
    }

    /// What valgrind knows it by.
    fn name(&self) -> usize {
        (&raw const *self).addr()
    }

    fn announce(&self) {
        if self.is_announced {
            pool_created!(self.name());
            valgrind::hide(self.start, self.bytes);
        }
    }

    fn out(&self, address: Option<usize>, bytes: usize) -> *mut u8 {
        let Some(address) = address else {
            errno::set_errno(libc::ENOMEM);
            return core::ptr::null_mut();
        };
        if self.is_announced {
            pool_allocated!(self.name(), address, bytes.max(1));
        }
        pointer::at_mut(address)
    }

    /// A block of memory.
    #[inline]
    pub fn alloc(&self, bytes: usize) -> *mut u8 {
        if self.has_offsets {
            return self.has_no_memory();
        }
        let address = self.buddy.alloc(bytes);
        self.out(address, bytes)
    }

    /// A block of an order.
    pub fn alloc_order(&self, order: usize) -> *mut u8 {
        if self.has_offsets {
            return self.has_no_memory();
        }
        let address = self.buddy.alloc_order(order);
        self.out(address, address.map_or(0, |_| self.buddy.layout().bytes(order)))
    }

    #[cold]
    fn has_no_memory(&self) -> *mut u8 {
        errno::set_errno(libc::EINVAL);
        core::ptr::null_mut()
    }

    /// Takes a block back, or says what is wrong with the pointer.
    #[inline]
    pub fn free(&self, p: *mut u8) {
        if p.is_null() {
            return;
        }
        let address = p.addr();
        let freed = if self.has_offsets { Err(Wrong::Foreign) } else { self.buddy.free(address) };
        match freed {
            Ok(_) if self.is_announced => {
                pool_freed!(self.name(), address);
            }
            Ok(_) => {}
            Err(wrong) => report::refuse("metes_buddy_free", address, wrong, 0),
        }
    }

    /// The offset of a block from the start of the range.
    pub fn alloc_offset(&self, bytes: usize) -> Option<usize> {
        if self.has_offsets {
            let offset = self.buddy.alloc(bytes);
            if offset.is_none() {
                errno::set_errno(libc::ENOMEM);
            }
            return offset;
        }
        let block = self.alloc(bytes);
        if block.is_null() { None } else { Some(block.addr() - self.start) }
    }

    /// Takes back the block at an offset, or says what is wrong with it.
    pub fn free_offset(&self, offset: usize) {
        let address = self.start.wrapping_add(offset);
        match self.buddy.free(address) {
            Ok(_) if self.is_announced => {
                pool_freed!(self.name(), address);
            }
            Ok(_) => {}
            Err(wrong) => report::refuse("metes_buddy_free_offset", offset, wrong, self.start),
        }
    }

    /// How many bytes a block has; 0 for null, and, after a report, for what is none.
    pub fn usable(&self, p: *mut u8) -> usize {
        if p.is_null() {
            return 0;
        }
        let usable = if self.has_offsets { Err(Wrong::Foreign) } else { self.buddy.usable(p.addr()) };
        usable.unwrap_or_else(|wrong| {
            report::refuse("metes_buddy_usable_size", p.addr(), wrong, 0);
            0
        })
    }

    /// Makes a block one of so many bytes: where it is, if that can be, else elsewhere.
    ///
    /// # Safety
    /// The block is the caller's.
    pub unsafe fn realloc(&self, p: *mut u8, bytes: usize) -> *mut u8 {
        if p.is_null() {
            return self.alloc(bytes);
        }
        // Where valgrind listens it always moves: the old one is nobody's then.
        let probed = if self.has_offsets { Err(Wrong::Foreign) } else { self.buddy.usable(p.addr()) };
        let resized = match probed {
            Ok(_) if self.is_announced => Ok(false),
            Ok(_) => self.buddy.resize(p.addr(), bytes),
            Err(wrong) => Err(wrong),
        };
        match (resized, probed) {
            (Ok(true), _) => p,
            (Ok(false), Ok(old)) => {
                let new = self.alloc(bytes);
                if !new.is_null() {
                    // SAFETY: both are blocks of at least so many bytes, and one of them is new.
                    valgrind::quietly(|| unsafe { new.copy_from_nonoverlapping(p, old.min(bytes)) });
                    self.free(p);
                }
                new
            }
            (Err(wrong), _) | (_, Err(wrong)) => {
                report::refuse("metes_buddy_realloc", p.addr(), wrong, 0);
                errno::set_errno(libc::EINVAL);
                core::ptr::null_mut()
            }
        }
    }

    /// Takes all blocks back.
    pub fn reset(&self) {
        self.buddy.reset();
        if self.is_announced {
            pool_destroyed!(self.name());
            self.announce();
        }
    }
}

/// The layout again, if the caller's control block has room for it.
fn control_fits(layout: &Layout, options: &Options) -> Option<Layout> {
    if options.control != 0 {
        let needed = control_bytes(layout);
        if options.control_bytes < needed {
            return options::refuse("control_bytes", options.control_bytes, format_args!("{needed} and more"));
        }
        if options.control & (CONTROL_ALIGN - 1) != 0 {
            return options::refuse("control", options.control, format_args!("a multiple of {CONTROL_ALIGN}"));
        }
    }
    Some(layout.clone())
}
