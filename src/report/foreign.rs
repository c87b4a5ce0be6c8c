//! Pointers that are not from metes: another allocator's, a stack's, a program's static data, or wild. metes
//! never follows them. By default it reports them and stops the program. `free` of such a pointer is a bug,
//! or the program has two allocators. In the latter case `foreign=libc` or `foreign=ignore` says what to do.

#![allow(unsafe_code)]

use crate::base::code::Code;
use crate::base::line::Line;
use crate::base::operation::Operation;
use crate::process::options::{self, Foreign};
use crate::process::statics;
use crate::report::misuse;
use crate::sys::{errno, probe};
use crate::trace::maps::{self, MapsLine};
use crate::trace::report;
use core::ffi::{CStr, c_void};
use core::fmt::Write;

/// A few words.
pub type Text = Line<192>;

/// `free` of a foreign pointer.
#[cold]
#[inline(never)]
pub fn free(p: *mut u8) {
    if report_if_ours(Operation::Free, p.addr()) {
        return;
    }
    if let Some(libc_free) = of_libc(p, c"free") {
        // SAFETY: the block looks like one of the libc's, and this is the libc's free.
        unsafe {
            let libc_free: unsafe extern "C" fn(*mut c_void) = core::mem::transmute(libc_free);
            libc_free(p.cast());
        }
        return;
    }
    refuse(Operation::Free, p);
}

/// `realloc` of a foreign pointer: what the libc's own returns, or null with `EINVAL`.
#[cold]
#[inline(never)]
pub fn realloc(p: *mut u8, n: usize) -> *mut u8 {
    let ours = report_if_ours(Operation::Realloc, p.addr());
    if !ours && let Some(libc_realloc) = of_libc(p, c"realloc") {
        // SAFETY: the block looks like one of the libc's, and this is the libc's realloc.
        return unsafe {
            let libc_realloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void =
                core::mem::transmute(libc_realloc);
            libc_realloc(p.cast(), n).cast()
        };
    }
    if !ours {
        refuse(Operation::Realloc, p);
    }
    errno::set_errno(libc::EINVAL);
    core::ptr::null_mut()
}

/// The usable bytes of a foreign pointer, if the libc knows them.
#[cold]
#[inline(never)]
pub fn usable_size(operation: Operation, p: *mut u8) -> Option<usize> {
    if report_if_ours(operation, p.addr()) {
        return None;
    }
    if let Some(libc_usable) = of_libc(p, c"malloc_usable_size") {
        // SAFETY: the block looks like one of the libc's, and this is the libc's function.
        return Some(unsafe {
            let libc_usable: unsafe extern "C" fn(*mut c_void) -> usize = core::mem::transmute(libc_usable);
            libc_usable(p.cast())
        });
    }
    refuse(operation, p);
    None
}

/// Reports the pointer, and stops unless foreign pointers are to be ignored.
fn refuse(operation: Operation, p: *mut u8) {
    let (address, name) = (p.addr(), operation.name());
    let what = describe(address);
    let what = what.as_str();
    let text = format_args!("{name}({address:#x}): not from metes; it is {what}");
    match options::foreign() {
        Foreign::Ignore => report::noticed(Code::ForeignPointer, address, text, &|_| {}),
        Foreign::Abort | Foreign::Libc => report::found(Code::ForeignPointer, address, text, &|_| {}),
    }
}

/// Reports a pointer that the page map does not know and that is ours all the same: to the inside
/// of a mapping, or to a freed one. Returns false if it is neither.
fn report_if_ours(operation: Operation, address: usize) -> bool {
    if let Some(record) = statics::MAPPINGS.locate(address) {
        misuse::report_interior(operation, address, record.start(), record.len());
        return true;
    }
    if let Some(bytes) = statics::MAPPINGS.freed_at(address) {
        misuse::freed_mapping(operation, address, bytes);
        return true;
    }
    false
}

/// What is mapped at an address, in words.
pub fn describe(address: usize) -> Text {
    let mut text = Text::new();
    // A write to a `Line` never fails.
    let _ = match maps::lookup(address) {
        Err(maps::Unreadable) => text.write_str("something that cannot be told: /proc/self/maps is not readable"),
        Ok(None) => text.write_str("not mapped"),
        Ok(Some(place)) => {
            let here = (&raw const text).addr();
            match place.name.as_str() {
                "[stack]" => text.write_str("in the stack"),
                _ if (place.start..place.end).contains(&here) => text.write_str("in the stack"),
                "" => text.write_str("in an anonymous mapping"),
                "[heap]" => text.write_str("in [heap], the libc's own"),
                name => write!(text, "in {name}"),
            }
        }
    };
    text
}

/// The libc's function `name`, if foreign pointers are to be passed on and it is safe to pass `p`.
fn of_libc(p: *mut u8, name: &CStr) -> Option<*mut c_void> {
    if options::foreign() != Foreign::Libc || !looks_like_libc_block(p.addr()) {
        return None;
    }
    next_symbol(name)
}

/// The next definition of a function after ours, in the order the dynamic linker searches.
fn next_symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: dlsym only looks a name up. What it allocates, metes serves.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

/// Whether glibc's free would find a sane chunk. It must be in glibc's heap, or in an anonymous mapping that
/// is not this thread's stack. Its size field must be readable and plausible, and its end in the same mapping.
fn looks_like_libc_block(address: usize) -> bool {
    const FLAGS: usize = 7;
    if !address.is_multiple_of(16) || address < 4096 {
        return false;
    }
    let mut word = [0u8; 8];
    if probe::peek(address - 8, &mut word) != word.len() {
        return false;
    }
    let size = usize::from_ne_bytes(word) & !FLAGS;
    let here = word.as_ptr().addr();
    let Ok(place) = maps::lookup(address) else { return false };
    place.is_some_and(|MapsLine { start, end, writable, name, .. }| {
        writable
            && matches!(name.as_bytes(), b"" | b"[heap]")
            && !(start..end).contains(&here)
            && size >= 32
            && size.is_multiple_of(16)
            && address - 16 >= start
            && size <= end - (address - 16)
    })
}

/// The C++ runtime's own definition of a function: the next after ours. If a plug-in has brought the
/// runtime along where the program does not see it, the definition of the runtime that is loaded.
pub fn cxx_runtime_symbol(name: &CStr) -> Option<*mut c_void> {
    next_symbol(name).or_else(|| {
        [c"libstdc++.so.6", c"libc++.so.1"].into_iter().find_map(|library| {
            // SAFETY: with NOLOAD, dlopen only finds what is loaded. dlsym looks the symbol up in it.
            let found = unsafe {
                let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
                if handle.is_null() {
                    return None;
                }
                libc::dlsym(handle, name.as_ptr())
            };
            (!found.is_null()).then_some(found)
        })
    })
}
