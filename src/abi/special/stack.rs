//! `metes_stack_*`: stacks in one range, from both ends.

#![allow(unsafe_code)]

use crate::base::config::GRAIN;
use crate::special::stack::check::Figures;
use crate::special::stack::{ALIGN_MAX, End, Raw};
use crate::sys::errno::set_errno;
use crate::trace::report;
use core::ffi::{c_char, c_void};
use core::ptr::{NonNull, null, null_mut};

/// A stack: blocks in one range, from its start and from its end; those pushed last are popped first. One thread at a
/// time uses it.
pub struct MetesStack(());

/// How a stack is made. All zero but `size` is the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesStackOptions {
    /// `sizeof(struct metes_stack_options)`.
    pub size: usize,
    /// Not 0 if nothing is popped but by marks: then blocks have no word of 8 bytes beside them, and
    /// `metes_stack_pop` cannot be called.
    pub marks_only: u32,
}

/// What a stack holds, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MetesStackStats {
    /// Bytes for blocks and what stands beside them.
    pub bytes: usize,
    /// Bytes in use at the low end.
    pub low: usize,
    /// Bytes in use at the high end.
    pub high: usize,
    /// Bytes between the ends.
    pub left: usize,
    /// The most that was in use at both ends together.
    pub peak: usize,
}

/// The stack that a handle leads to.
///
/// # Safety
/// It is one, and no other thread uses it meanwhile.
#[inline]
unsafe fn of(stack: *const MetesStack) -> Raw {
    // SAFETY: the caller's promise; a handle is the address of the control block.
    unsafe { Raw::at(NonNull::new_unchecked(stack.cast_mut().cast())) }
}

#[inline]
fn given(block: Option<NonNull<u8>>) -> *mut c_void {
    block.map_or(null_mut(), |block| block.as_ptr().cast())
}

#[cold]
fn fail<T>(result: T) -> T {
    set_errno(libc::EINVAL);
    result
}

#[inline]
fn push(stack: Raw, end: End, alignment: usize, bytes: usize) -> *mut c_void {
    if !alignment.is_power_of_two() || alignment > ALIGN_MAX {
        return fail(null_mut());
    }
    given(stack.push(end, bytes, alignment.max(GRAIN)))
}

/// Makes a stack with a range of its own: `bytes` bytes for blocks, each of which takes 8 more, rounded up to a
/// multiple of 16. `options` may be NULL. NULL with ENOMEM if there is no memory, with EINVAL, and a line on standard
/// error, if an option is not valid. `metes_stack_destroy` gives it back.
///
/// # Safety
/// The options must have as many bytes as they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_new(bytes: usize, options: *const MetesStackOptions) -> *mut MetesStack {
    let mut chosen = MetesStackOptions { size: 0, marks_only: 0 };
    if !options.is_null() {
        // SAFETY: the caller's promise.
        unsafe {
            let size = (*options).size;
            if size < size_of::<usize>() {
                let what = "valid is sizeof(struct metes_stack_options)";
                report::say(format_args!("metes_stack_new: options.size is {size}; {what}"));
                return fail(null_mut());
            }
            let size = size.min(size_of::<MetesStackOptions>());
            (&raw mut chosen).cast::<u8>().copy_from_nonoverlapping(options.cast(), size);
        }
    }
    Raw::new(bytes, chosen.marks_only != 0).map_or(null_mut(), |stack| stack.start().as_ptr().cast())
}

/// Makes a stack in `buffer`, which is aligned to 16 bytes, and at whose start its control block of some 80 bytes is.
/// NULL with EINVAL, and a line on standard error, if that cannot be. Destroying it is not needed.
///
/// # Safety
/// The buffer must have `bytes` bytes, which nobody else uses, for as long as the stack is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_over(buffer: *mut c_void, bytes: usize) -> *mut MetesStack {
    let made = NonNull::new(buffer.cast::<u8>())
        // SAFETY: the caller's promise.
        .and_then(|start| unsafe { Raw::over(start, bytes, false) });
    if made.is_none() {
        report::say(format_args!(
            "metes_stack_over: the buffer at {buffer:p} has {bytes} bytes; valid are some 150 and more, aligned to 16 bytes"
        ));
        return fail(null_mut());
    }
    buffer.cast()
}

/// A block of `bytes` bytes at the low end, aligned to 16. NULL with ENOMEM if there is no room. A size of 0 gives a
/// block too.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
/// cbindgen:postfix=METES_ALLOC(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_push(stack: *mut MetesStack, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    given(unsafe { of(stack) }.push(End::Low, bytes, GRAIN))
}

/// The same at a multiple of `alignment`, a power of two: else NULL with EINVAL.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
/// cbindgen:postfix=METES_ALIGNED(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_push_aligned(
    stack: *mut MetesStack,
    alignment: usize,
    bytes: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    push(unsafe { of(stack) }, End::Low, alignment, bytes)
}

/// A block of `bytes` bytes at the high end, aligned to 16.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
/// cbindgen:postfix=METES_ALLOC(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_push_high(stack: *mut MetesStack, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    given(unsafe { of(stack) }.push(End::High, bytes, GRAIN))
}

/// The same at a multiple of `alignment`.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
/// cbindgen:postfix=METES_ALIGNED(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_push_high_aligned(
    stack: *mut MetesStack,
    alignment: usize,
    bytes: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    push(unsafe { of(stack) }, End::High, alignment, bytes)
}

/// Pops a block of the low end and all that was pushed there after it. NULL does nothing. What is no block of this
/// end, or popped already, is reported.
///
/// # Safety
/// It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_pop(stack: *mut MetesStack, block: *mut c_void) {
    if let Some(block) = NonNull::new(block.cast()) {
        // SAFETY: the caller's promise.
        unsafe { of(stack) }.pop(End::Low, block);
    }
}

/// The same of the high end.
///
/// # Safety
/// It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_pop_high(stack: *mut MetesStack, block: *mut c_void) {
    if let Some(block) = NonNull::new(block.cast()) {
        // SAFETY: the caller's promise.
        unsafe { of(stack) }.pop(End::High, block);
    }
}

/// A mark of where the low end stands, for `metes_stack_rewind`.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_mark(stack: *const MetesStack) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { of(stack) }.mark(End::Low)
}

/// Pops all that was pushed at the low end since a mark. What is no mark of this end, or one from before a pop that
/// went below it, is reported.
///
/// # Safety
/// It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_rewind(stack: *mut MetesStack, mark: u64) {
    // SAFETY: the caller's promise.
    unsafe { of(stack) }.rewind(End::Low, mark);
}

/// A mark of where the high end stands, for `metes_stack_rewind_high`.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_mark_high(stack: *const MetesStack) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { of(stack) }.mark(End::High)
}

/// Pops all that was pushed at the high end since a mark.
///
/// # Safety
/// It must be a stack, used by one thread at a time, and nothing may use the blocks any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_rewind_high(stack: *mut MetesStack, mark: u64) {
    // SAFETY: the caller's promise.
    unsafe { of(stack) }.rewind(End::High, mark);
}

/// How many bytes are in use at both ends, words and padding included.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_used(stack: *const MetesStack) -> usize {
    // SAFETY: the caller's promise.
    let figures = unsafe { of(stack) }.figures();
    figures.low + figures.high
}

/// How many bytes are left between the ends. A block of 8 fewer fits, if that is a multiple of 16 bytes and 8.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_left(stack: *const MetesStack) -> usize {
    // SAFETY: the caller's promise.
    unsafe { of(stack) }.figures().left
}

/// Writes what the stack holds to `out`, of which the caller says how many bytes there are: `sizeof(struct
/// metes_stack_stats)`. Returns how many bytes it wrote.
///
/// # Safety
/// It must be a stack, used by one thread at a time, and `out` must be valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_stats(stack: *const MetesStack, out: *mut MetesStackStats, size: usize) -> usize {
    // SAFETY: the caller's promise.
    let Figures { bytes, low, high, left, peak } = unsafe { of(stack) }.figures();
    let now = MetesStackStats { bytes, low, high, left, peak };
    let size = size.min(size_of::<MetesStackStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), size) };
    size
}

/// Checks the control block and the word beside each block. NULL if all is whole, else a static text that names the
/// first that is not.
///
/// # Safety
/// It must be a stack, used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_check(stack: *const MetesStack) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { of(stack) }.check().map_or(null(), |what| what.as_ptr())
}

/// Ends a stack, with all that was pushed. NULL does nothing.
///
/// # Safety
/// It must be a stack, and nothing may use it or its blocks any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_stack_destroy(stack: *mut MetesStack) {
    if !stack.is_null() {
        // SAFETY: the caller's promise.
        unsafe { of(stack).destroy() };
    }
}
