//! A pool in a block of its own, as the C API has it.

#![allow(unsafe_code)]

use super::options::{self, Options};
use super::{Pool, report};
use crate::base::checksum;
use crate::base::code::Code;
use crate::special::memory::Memory;
use crate::sys::errno;
use core::ptr::NonNull;

/// Of the seal's content: any number will do.
const SEAL_BITS: u32 = 32;
const SEAL: u64 = 0x706f_6f6c;

/// The pool, and a word that no other block has at its start.
pub struct Handle {
    seal: u64,
    pool: Pool,
}

impl Handle {
    /// Makes one; `None`, with EINVAL or ENOMEM in errno, if that cannot be. `options_bytes` is what the caller says
    /// that its options have.
    pub fn create(object_bytes: usize, options_bytes: usize, options: &Options) -> Option<NonNull<Self>> {
        let has_size = options_bytes >= size_of::<usize>();
        if !has_size {
            options::refuse("size", options_bytes, format_args!("sizeof(struct metes_pool_options)"));
        }
        if !has_size || !options.are_valid_for(object_bytes) {
            errno::set_errno(libc::EINVAL);
            return None;
        }
        let block: NonNull<Self> = Memory::Process.allocate(size_of::<Self>(), align_of::<Self>())?.cast();
        let Some(pool) = Pool::new(object_bytes, options, Pool::gap()) else {
            // SAFETY: it was just made.
            unsafe { Memory::Process.release(block.cast()) };
            return None;
        };
        let seal = checksum::attach::<SEAL_BITS>(block.addr().get(), SEAL);
        // SAFETY: the block has room for it, and it stays there.
        let handle = unsafe {
            block.write(Self { seal, pool });
            &mut *block.as_ptr()
        };
        handle.pool.announce();
        if !handle.pool.reserve(options.reserve) {
            // SAFETY: nobody else has it.
            unsafe { Self::destroy(block) };
            errno::set_errno(libc::ENOMEM);
            return None;
        }
        Some(block)
    }

    /// Gives everything back.
    ///
    /// # Safety
    /// Nobody uses the pool or an object of it any more.
    pub unsafe fn destroy(block: NonNull<Self>) {
        let address = block.addr().get();
        // SAFETY: a pool is there, or was.
        let seal = unsafe { (*block.as_ptr()).seal };
        if checksum::verify::<SEAL_BITS>(address, seal) != Some(SEAL) {
            let what = format_args!("metes_pool_destroy({address:#x}): no pool is here, or no more");
            return crate::trace::report::found(Code::DoubleFree, address, what, &|_| {});
        }
        // SAFETY: it is one, and the caller's promise.
        unsafe {
            (*block.as_ptr()).seal = 0;
            block.drop_in_place();
            Memory::Process.release(block.cast());
        }
    }

    /// The pool.
    #[inline(always)]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Takes an object back, or says what is wrong with the pointer.
    #[inline(always)]
    pub fn free(&self, p: *mut u8) {
        if !self.pool.free_quickly(p.addr()) {
            self.free_slowly(p);
        }
    }

    #[cold]
    #[inline(never)]
    fn free_slowly(&self, p: *mut u8) {
        if p.is_null() {
            return;
        }
        if let Err(wrong) = self.pool.free(p.addr()) {
            report::refuse_free(p.addr(), wrong, self.pool.object_bytes());
        }
    }
}
