//! What the stubs of the C++ operators call.

#![allow(unsafe_code)]

use crate::base::code::Code;
use crate::base::config::GRAIN;
use crate::base::family::{Claim, Family};
use crate::base::mangled::MangledAddress;
use crate::base::pointer;
use crate::front::entries;
use crate::process::{options, start};
use crate::report::foreign;
use crate::trace::report;
use core::ffi::{CStr, c_void};
use core::ptr::null_mut;

/// `operator new(size_t)`; null if memory is out.
pub(super) extern "C" fn allocate_new(size: usize) -> *mut u8 {
    entries::operator_new(size)
}

/// The same with an alignment. One that is no power of two is a bug of the caller: null, and so `std::bad_alloc`.
pub(super) extern "C" fn allocate_aligned(size: usize, align: usize) -> *mut u8 {
    if align.is_power_of_two() { entries::aligned_alloc(Family::New, size, align.max(GRAIN)) } else { null_mut() }
}

/// The same as `allocate_new`, for `operator new[]`.
pub(super) extern "C" fn allocate_array(size: usize) -> *mut u8 {
    if options::checked() { entries::aligned_alloc(Family::NewArray, size, GRAIN) } else { entries::malloc(size) }
}

/// The same with an alignment.
pub(super) extern "C" fn allocate_array_aligned(size: usize, align: usize) -> *mut u8 {
    if align.is_power_of_two() { entries::aligned_alloc(Family::NewArray, size, align.max(GRAIN)) } else { null_mut() }
}

/// `operator delete(void*)`, ours.
pub(super) unsafe extern "C" fn delete(p: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { entries::free(Family::New, p) };
}

pub(super) unsafe extern "C" fn delete_array(p: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { entries::free(Family::NewArray, p) };
}

/// What the fast path has not served.
pub(super) unsafe extern "C" fn delete_sized(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { entries::free_sized(Family::New, p, size) };
    entries::serve_deletes();
}

pub(super) unsafe extern "C" fn delete_array_sized(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { entries::free_sized(Family::NewArray, p, size) };
}

pub(super) unsafe extern "C" fn delete_aligned(p: *mut u8, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { entries::free_claimed(p, Claim::of(Family::New).align(align)) };
}

pub(super) unsafe extern "C" fn delete_array_aligned(p: *mut u8, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { entries::free_claimed(p, Claim::of(Family::NewArray).align(align)) };
}

pub(super) unsafe extern "C" fn delete_sized_aligned(p: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { entries::free_claimed(p, Claim::of(Family::New).size(size).align(align)) };
}

pub(super) unsafe extern "C" fn delete_array_sized_aligned(p: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { entries::free_claimed(p, Claim::of(Family::NewArray).size(size).align(align)) };
}

/// What a throwing form calls when memory is out. If `last` is not 0, the form jumps there instead.
#[repr(C)]
pub(super) struct Next {
    function: *mut c_void,
    last: usize,
}

/// The new-handler, after which the form tries again, or the function that throws `std::bad_alloc`.
/// If a C++ runtime does not offer both (libstdc++ before GCC 4.9), its own `form` does it all.
pub(super) fn next(form: &CStr, may_be_had: bool) -> Next {
    let new_handler = foreign::cxx_runtime_symbol(c"_ZSt15get_new_handlerv");
    let throw = foreign::cxx_runtime_symbol(c"_ZSt17__throw_bad_allocv");
    let (Some(new_handler), Some(throw)) = (new_handler, throw) else {
        return Next { function: foreign::cxx_runtime_symbol(form).unwrap_or_else(|| no_cxx_runtime()), last: 1 };
    };
    // SAFETY: the symbol names a function of this type, which throws nothing.
    let handler = unsafe { core::mem::transmute::<*mut c_void, extern "C" fn() -> *mut c_void>(new_handler)() };
    if handler.is_null() || !may_be_had {
        return Next { function: throw, last: 1 };
    }
    Next { function: handler, last: 0 }
}

pub(super) extern "C" fn next_plain(_size: usize) -> Next {
    next(c"_Znwm", true)
}

/// No handler can help where the alignment is no power of two.
pub(super) extern "C" fn next_aligned(_size: usize, align: usize) -> Next {
    next(c"_ZnwmSt11align_val_t", align.is_power_of_two())
}

pub(super) fn no_cxx_runtime() -> ! {
    let text = format_args!("operator new: there is no C++ runtime to throw std::bad_alloc");
    report::misuse(Code::NothingToThrow, 0, text)
}

/// A form of the C++ runtime, found the first time; null under valgrind and where there is no C++ runtime.
pub(super) fn runtime_form(found: &MangledAddress, name: &CStr) -> *mut c_void {
    let on_valgrind = start::on_valgrind();
    let Ok(form) = found.get() else {
        let text = format_args!("the address of the C++ runtime's operator new was overwritten");
        report::misuse(Code::HeapDamaged, 0, text)
    };
    if form != 0 || on_valgrind {
        return pointer::at_mut(form);
    }
    let form = foreign::cxx_runtime_symbol(name).unwrap_or(null_mut());
    let _ = found.swap(pointer::expose(form));
    form
}
