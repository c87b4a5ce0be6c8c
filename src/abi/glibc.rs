//! glibc's functions for figures and settings: mallopt, mallinfo, `malloc_trim`, `malloc_stats`, `malloc_info`.

#![allow(unsafe_code)]

use crate::front::tuning;
use core::ffi::c_int;

/// glibc's `struct mallinfo2`, in bytes and counts. As in glibc, `arena` is `uordblks` and `fordblks`
/// together. Mappings are beside it, in `hblks` and `hblkhd` alone. Free pieces are the blocks of the free
/// lists, the free objects of slabs, and what thread caches hold. glibc's count the latter as in use. All
/// else of the regions is in use: what the program has, headers, the ends of regions and of slabs, and what
/// waits in quarantine (`checks=full`). Guarded blocks (`guard=N`) and metes' own records are in none of it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Mallinfo2 {
    /// Bytes of heap regions.
    pub arena: usize,
    /// Free pieces, including those in thread caches.
    pub ordblks: usize,
    /// Fast bins: none here, see `ordblks`.
    pub smblks: usize,
    /// Mappings.
    pub hblks: usize,
    /// Bytes in mappings.
    pub hblkhd: usize,
    /// Always 0, as in glibc.
    pub usmblks: usize,
    /// Bytes in fast bins: none here.
    pub fsmblks: usize,
    /// Bytes of regions in use, without mappings.
    pub uordblks: usize,
    /// Bytes of the `ordblks` free pieces.
    pub fordblks: usize,
    /// The most bytes that a trim could give back: `fordblks`, as pages go back from anywhere.
    pub keepcost: usize,
}

/// glibc's `mallinfo2(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> Mallinfo2 {
    let (arenas, mappings) = tuning::info();
    Mallinfo2 {
        arena: arenas.system,
        ordblks: arenas.free.count,
        hblks: mappings.count,
        hblkhd: mappings.bytes,
        uordblks: arenas.in_use(),
        fordblks: arenas.free.bytes,
        keepcost: arenas.free.bytes,
        ..Mallinfo2::default()
    }
}

/// glibc's `struct mallinfo`: the fields of `Mallinfo2` in ints. Not every libc has it.
#[repr(C)]
pub struct Mallinfo {
    arena: c_int,
    ordblks: c_int,
    smblks: c_int,
    hblks: c_int,
    hblkhd: c_int,
    usmblks: c_int,
    fsmblks: c_int,
    uordblks: c_int,
    fordblks: c_int,
    keepcost: c_int,
}

/// glibc's `mallinfo(3)`: the same in ints. A number that does not fit is `INT_MAX`, and does not wrap.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> Mallinfo {
    let info = mallinfo2();
    let int = |n: usize| c_int::try_from(n).unwrap_or(c_int::MAX);
    Mallinfo {
        arena: int(info.arena),
        ordblks: int(info.ordblks),
        smblks: int(info.smblks),
        hblks: int(info.hblks),
        hblkhd: int(info.hblkhd),
        usmblks: int(info.usmblks),
        fsmblks: int(info.fsmblks),
        uordblks: int(info.uordblks),
        fordblks: int(info.fordblks),
        keepcost: int(info.keepcost),
    }
}

/// glibc's `mallopt(3)`: 1 if the setting was taken, 0 if the value is bad.
#[unsafe(no_mangle)]
pub extern "C" fn mallopt(parameter: c_int, value: c_int) -> c_int {
    c_int::from(tuning::set(parameter, value))
}

/// glibc's `malloc_trim(3)`: gives free memory back to the system, and returns 1 if there was any.
/// The pad is not kept: the program pays for what it touches next.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    c_int::from(tuning::trim() > 0)
}

/// glibc's `malloc_stats(3)`: writes the figures of every arena to standard error.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    tuning::print_stats();
}

/// glibc's `malloc_info(3)`: writes the figures as XML. Returns 0, or `EINVAL` if `options` is not 0.
///
/// # Safety
/// `stream` must be an open C stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_info(options: c_int, stream: *mut libc::FILE) -> c_int {
    if options != 0 {
        return libc::EINVAL;
    }
    tuning::for_each_info_line(|line| {
        // SAFETY: the caller's promise; the line is readable for its length.
        unsafe { libc::fwrite(line.as_ptr().cast(), 1, line.len(), stream) };
    });
    0
}
