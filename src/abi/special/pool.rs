//! `metes_pool_*`.

#![allow(unsafe_code)]

use crate::special::pool::handle::Handle;
use crate::special::pool::options::{Callbacks, Options};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, null, null_mut};

/// A pool of objects of one size. One thread at a time may use it, unless it was made with `shared`.
pub struct MetesPool(Handle);

/// How a pool is. Set `size`, and what is not to be the default, which zero is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetesPoolOptions {
    /// `sizeof(struct metes_pool_options)`.
    pub size: usize,
    /// What each object's address is a multiple of: a power of two. By default the largest that divides the size of
    /// an object, up to 16, which is enough for any C type of that size that asks for no more by itself.
    pub align: usize,
    /// The most objects that may be out at a time. By default as many as there is memory for.
    pub limit: usize,
    /// Objects that are made ready at the start.
    pub reserve: usize,
    /// 1 if several threads use the pool at a time: each call takes a lock then.
    pub shared: usize,
    /// Constructs an object when its slab is made, before it is handed out for the first time; 0 if it has worked. It
    /// may not use the object's pool.
    pub construct: Option<extern "C" fn(object: *mut c_void, argument: *mut c_void) -> c_int>,
    /// Destructs an object when its slab goes, whether it is out or not. It may not use the object's pool.
    pub destruct: Option<extern "C" fn(object: *mut c_void, argument: *mut c_void)>,
    /// What both are given.
    pub argument: *mut c_void,
}

/// What a pool has. In C++ write `struct metes_pool_stats`: the function of that name hides the type.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct MetesPoolStats {
    /// Objects that are out.
    pub live: usize,
    /// Objects that are free in the slabs that there are.
    pub free: usize,
    /// Slabs.
    pub slabs: usize,
    /// Bytes of the slabs.
    pub bytes: usize,
    /// Bytes of an object, as asked for.
    pub object_bytes: usize,
    /// Bytes from one object to the next.
    pub stride: usize,
    /// What each object's address is a multiple of.
    pub align: usize,
    /// Objects of a slab.
    pub slab_objects: usize,
}

/// # Safety
/// A pool is there.
#[inline(always)]
unsafe fn handle<'a>(pool: *const MetesPool) -> &'a Handle {
    // SAFETY: the caller's promise.
    unsafe { &(*pool).0 }
}

const DEFAULTS: MetesPoolOptions = MetesPoolOptions {
    size: size_of::<MetesPoolOptions>(),
    align: 0,
    limit: 0,
    reserve: 0,
    shared: 0,
    construct: None,
    destruct: None,
    argument: null_mut(),
};

/// Makes a pool of objects of `object_bytes` bytes, up to 256 MiB. NULL for `options` means all defaults. Returns
/// NULL with EINVAL in errno when an option is not valid, and a line on standard error says what is, or with ENOMEM.
///
/// # Safety
/// `options` is NULL or has as many bytes as its `size` says; the callbacks may be called until the pool was destroyed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_new(object_bytes: usize, options: *const MetesPoolOptions) -> *mut MetesPool {
    let mut known = DEFAULTS;
    // What the caller's header does not have stays 0.
    if !options.is_null() {
        // SAFETY: the caller's promise; of the callbacks zero is none.
        unsafe {
            let bytes = (*options).size.min(size_of::<MetesPoolOptions>());
            (&raw mut known).cast::<u8>().copy_from_nonoverlapping(options.cast(), bytes);
            known.size = (*options).size;
        }
    }
    let MetesPoolOptions { size, align, limit, reserve, shared, construct, destruct, argument } = known;
    let callbacks = Callbacks { construct, destruct, argument };
    let options = Options { align, limit, reserve, shared, callbacks };
    Handle::create(object_bytes, size, &options).map_or(null_mut(), |pool| pool.as_ptr().cast())
}

/// Destructs all objects, those that are out too, and gives all memory back. NULL is fine.
///
/// # Safety
/// Nothing of the pool is used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_destroy(pool: *mut MetesPool) {
    if let Some(pool) = NonNull::new(pool) {
        // SAFETY: the caller's promise.
        unsafe { Handle::destroy(pool.cast()) };
    }
}

/// The free object with the lowest address. It is as the constructor, or who freed it, has left it. NULL and ENOMEM
/// if as many are out as may be, without memory, or if the constructor has failed.
///
/// # Safety
/// `pool` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_alloc(pool: *mut MetesPool) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.pool().alloc().map_or(null_mut(), |object| object.address.as_ptr().cast())
}

/// Takes an object back; nothing is written to it. NULL is fine. A pointer that is no object of this pool's that is
/// out is reported: M001, M003 or M004.
///
/// # Safety
/// `pool` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_free(pool: *mut MetesPool, object: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.free(object.cast());
}

/// Calls a function for each object that is out, in the order of their addresses, until it returns other than 0;
/// returns that, or else 0. It may free the object that it is given, and call any other function for the pool but
/// `metes_pool_destroy`: objects that come out behind the one it was given are visited, and those that were freed are
/// not.
///
/// # Safety
/// `pool` is one, and `callback` a function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_for_each(
    pool: *mut MetesPool,
    callback: extern "C" fn(object: *mut c_void, argument: *mut c_void) -> c_int,
    argument: *mut c_void,
) -> c_int {
    let mut answer = 0;
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.pool().for_each(|object| {
        answer = callback(object.address.as_ptr().cast(), argument);
        answer == 0
    });
    answer
}

/// 1 if an object of the pool's that is out starts there, else 0. Any pointer may be asked for.
///
/// # Safety
/// `pool` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_owns(pool: *const MetesPool, object: *const c_void) -> c_int {
    // SAFETY: the caller's promise.
    c_int::from(unsafe { handle(pool) }.pool().owns(object.addr()))
}

/// How many objects are out.
///
/// # Safety
/// `pool` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_count(pool: *const MetesPool) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.pool().count()
}

/// Gives the slabs back that have no object out. Returns how many bytes that were.
///
/// # Safety
/// `pool` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_trim(pool: *mut MetesPool) -> usize {
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.pool().trim()
}

/// Frees all objects at once. They stay constructed, and the slabs stay.
///
/// # Safety
/// `pool` is one, and nobody uses an object of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_reset(pool: *mut MetesPool) {
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.pool().reset();
}

/// Checks every invariant of the pool. Returns NULL if all hold, else a text that names the first broken one. Static.
///
/// # Safety
/// `pool` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_check(pool: *const MetesPool) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { handle(pool) }.pool().check().err().map_or(null(), CStr::as_ptr)
}

/// Writes the statistics to `out`, of which the caller says how many bytes there are: `sizeof(struct
/// metes_pool_stats)`. A library newer than the header writes no more than that. Returns how many bytes it wrote.
///
/// # Safety
/// `pool` is one, and `out` valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn metes_pool_stats(pool: *const MetesPool, out: *mut MetesPoolStats, size: usize) -> usize {
    // SAFETY: the caller's promise.
    let pool = unsafe { handle(pool) }.pool();
    let (stats, shape) = (pool.stats(), pool.shape());
    let now = MetesPoolStats {
        live: stats.live,
        free: stats.free,
        slabs: stats.slabs,
        bytes: stats.bytes,
        object_bytes: pool.object_bytes(),
        stride: shape.stride,
        align: shape.align,
        slab_objects: shape.objects,
    };
    let bytes = size.min(size_of::<MetesPoolStats>());
    // SAFETY: the caller's promise.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const now).cast(), bytes) };
    bytes
}
