//! C++ `operator new` and `operator delete`, without libstdc++ and without a Rust frame under an exception.
//!
//! A program may replace `operator new(size_t)` and `operator delete(void*)` and expect the array, sized and nothrow
//! forms to come to it ([new.delete.single]). So only those two, and their aligned twins, are served here; every other
//! form jumps to them through the symbol the dynamic linker resolved, the program's own if it has one. The nothrow forms
//! of `new` have to catch what the plain form throws, so the C++ runtime's own stay in place: they call `operator
//! new(size_t)` as the standard says, which is ours again.
//!
//! When memory is out, `operator new` has to call the new-handler in a loop and throw `std::bad_alloc`. The C++ runtime's
//! own `operator new`, found behind ours by name, does just that: the stub jumps there with nothing of ours left on
//! the stack. In a static program there is none to find; then the loop is here, over the runtime's functions
//! by weak reference. Those stubs have unwind tables, because a new-handler may throw.

use crate::base::config::GRAIN;
use crate::base::operation::Operation;
use crate::front::{alloc, foreign};
use crate::sys::report;
use core::arch::naked_asm;
use core::ffi::{CStr, c_void};
use core::ptr::null_mut;

/// A mangled name of ours.
const NEW: &CStr = c"_Znwm";
const NEW_ALIGNED: &CStr = c"_ZnwmSt11align_val_t";

core::arch::global_asm!(".weak _ZSt15get_new_handlerv", ".weak _ZSt17__throw_bad_allocv");

extern "C" fn allocate(size: usize) -> *mut u8 {
    alloc::allocate(Operation::Malloc, size, GRAIN)
}

/// An alignment that is no power of two is a bug of the caller: no memory, and so `std::bad_alloc`.
extern "C" fn allocate_aligned(size: usize, align: usize) -> *mut u8 {
    if align.is_power_of_two() { alloc::allocate(Operation::Aligned, size, align.max(GRAIN)) } else { null_mut() }
}

extern "C" fn runtime_new() -> *mut c_void {
    foreign::next_symbol(NEW).unwrap_or(null_mut())
}

extern "C" fn runtime_new_aligned() -> *mut c_void {
    foreign::next_symbol(NEW_ALIGNED).unwrap_or(null_mut())
}

extern "C" fn no_cxx_runtime() -> ! {
    report::misuse(format_args!("out of memory: operator new: there is no C++ runtime to throw std::bad_alloc"))
}

/// `operator delete(void*)`.
///
/// # Safety
/// As for `free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPv(p: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { alloc::release(p.cast()) };
}

/// `operator delete(void*, std::align_val_t)`.
///
/// # Safety
/// As for `free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvSt11align_val_t(p: *mut c_void, _align: usize) {
    // SAFETY: the caller's promise.
    unsafe { alloc::release(p.cast()) };
}

/// A throwing form of `operator new`: allocate, or jump to the C++ runtime's own.
#[cfg(target_arch = "x86_64")]
macro_rules! throwing_new {
    ($(#[$doc:meta])* $name:ident($($arg:ident),*), $allocate:ident, $runtime:ident) => {
        $(#[$doc])*
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name($($arg: usize),*) -> *mut c_void {
            naked_asm!(
                ".cfi_startproc",
                "push rdi",
                ".cfi_adjust_cfa_offset 8",
                "push rsi",
                ".cfi_adjust_cfa_offset 8",
                "sub rsp, 8",
                ".cfi_adjust_cfa_offset 8",
                "2:",
                "call {allocate}",
                "test rax, rax",
                "je 3f",
                "add rsp, 24",
                ".cfi_remember_state",
                ".cfi_adjust_cfa_offset -24",
                "ret",
                ".cfi_restore_state",
                "3:",
                "call {runtime}",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdi, qword ptr [rsp + 16]",
                "test rax, rax",
                "je 4f",
                // The runtime's aligned form rounds the size up, and near SIZE_MAX to nothing: PTRDIFF_MAX fails as well.
                "mov rcx, 0x7fffffffffffffff",
                "cmp rdi, rcx",
                "cmova rdi, rcx",
                // The runtime's own form finds the stack as our caller left it.
                "add rsp, 24",
                ".cfi_remember_state",
                ".cfi_adjust_cfa_offset -24",
                "jmp rax",
                ".cfi_restore_state",
                "4:",
                "mov rax, qword ptr [rip + _ZSt15get_new_handlerv@GOTPCREL]",
                "test rax, rax",
                "je 5f",
                "call rax",
                "test rax, rax",
                "je 5f",
                "call rax",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdi, qword ptr [rsp + 16]",
                "jmp 2b",
                "5:",
                "mov rax, qword ptr [rip + _ZSt17__throw_bad_allocv@GOTPCREL]",
                "test rax, rax",
                "je 6f",
                "add rsp, 24",
                ".cfi_remember_state",
                ".cfi_adjust_cfa_offset -24",
                "jmp rax",
                ".cfi_restore_state",
                "6:",
                "call {none}",
                "ud2",
                ".cfi_endproc",
                allocate = sym $allocate,
                runtime = sym $runtime,
                none = sym no_cxx_runtime,
            )
        }
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! throwing_new {
    ($(#[$doc:meta])* $name:ident($($arg:ident),*), $allocate:ident, $runtime:ident) => {
        $(#[$doc])*
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name($($arg: usize),*) -> *mut c_void {
            naked_asm!(
                ".cfi_startproc",
                "stp x29, x30, [sp, #-32]!",
                ".cfi_def_cfa_offset 32",
                ".cfi_offset 29, -32",
                ".cfi_offset 30, -24",
                "stp x0, x1, [sp, #16]",
                "2:",
                "bl {allocate}",
                "cbz x0, 3f",
                "ldp x29, x30, [sp], #32",
                ".cfi_remember_state",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore 29",
                ".cfi_restore 30",
                "ret",
                ".cfi_restore_state",
                "3:",
                "bl {runtime}",
                "mov x16, x0",
                "ldp x0, x1, [sp, #16]",
                "cbz x16, 4f",
                // The runtime's aligned form rounds the size up, and near SIZE_MAX to nothing: PTRDIFF_MAX fails as well.
                "mov x9, #0x7fffffffffffffff",
                "cmp x0, x9",
                "csel x0, x9, x0, hi",
                "ldp x29, x30, [sp], #32",
                ".cfi_remember_state",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore 29",
                ".cfi_restore 30",
                "br x16",
                ".cfi_restore_state",
                "4:",
                "adrp x16, :got:_ZSt15get_new_handlerv",
                "ldr x16, [x16, :got_lo12:_ZSt15get_new_handlerv]",
                "cbz x16, 5f",
                "blr x16",
                "cbz x0, 5f",
                "blr x0",
                "ldp x0, x1, [sp, #16]",
                "b 2b",
                "5:",
                "adrp x16, :got:_ZSt17__throw_bad_allocv",
                "ldr x16, [x16, :got_lo12:_ZSt17__throw_bad_allocv]",
                "cbz x16, 6f",
                "ldp x29, x30, [sp], #32",
                ".cfi_remember_state",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore 29",
                ".cfi_restore 30",
                "br x16",
                ".cfi_restore_state",
                "6:",
                "bl {none}",
                "brk #1",
                ".cfi_endproc",
                allocate = sym $allocate,
                runtime = sym $runtime,
                none = sym no_cxx_runtime,
            )
        }
    };
}

throwing_new!(
    /// `operator new(size_t)`.
    _Znwm(_size), allocate, runtime_new
);
throwing_new!(
    /// `operator new(size_t, std::align_val_t)`.
    _ZnwmSt11align_val_t(_size, _align), allocate_aligned, runtime_new_aligned
);

/// A form that another one serves: a jump through the symbol, so that a program's own is reached. `drop_size` puts the
/// third argument, an alignment, in the place of the second, a size.
macro_rules! forward {
    ($(#[$doc:meta] $name:ident => $target:literal $($drop_size:ident)?;)*) => {$(
        #[$doc]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            naked_asm!($(forward!(@ $drop_size "mov rsi, rdx"),)? concat!("jmp ", $target, "@PLT"));
            #[cfg(target_arch = "aarch64")]
            naked_asm!($(forward!(@ $drop_size "mov x1, x2"),)? concat!("b ", $target));
        }
    )*};
    (@ drop_size $instruction:literal) => { $instruction };
}

forward! {
    /// `operator new[](size_t)`.
    _Znam => "_Znwm";
    /// `operator new[](size_t, std::align_val_t)`.
    _ZnamSt11align_val_t => "_ZnwmSt11align_val_t";
    /// `operator delete[](void*)`.
    _ZdaPv => "_ZdlPv";
    /// `operator delete(void*, size_t)`.
    _ZdlPvm => "_ZdlPv";
    /// `operator delete[](void*, size_t)`.
    _ZdaPvm => "_ZdaPv";
    /// `operator delete(void*, const std::nothrow_t&)`.
    _ZdlPvRKSt9nothrow_t => "_ZdlPv";
    /// `operator delete[](void*, const std::nothrow_t&)`.
    _ZdaPvRKSt9nothrow_t => "_ZdaPv";
    /// `operator delete[](void*, std::align_val_t)`.
    _ZdaPvSt11align_val_t => "_ZdlPvSt11align_val_t";
    /// `operator delete(void*, size_t, std::align_val_t)`.
    _ZdlPvmSt11align_val_t => "_ZdlPvSt11align_val_t" drop_size;
    /// `operator delete[](void*, size_t, std::align_val_t)`.
    _ZdaPvmSt11align_val_t => "_ZdaPvSt11align_val_t" drop_size;
    /// `operator delete(void*, std::align_val_t, const std::nothrow_t&)`.
    _ZdlPvSt11align_val_tRKSt9nothrow_t => "_ZdlPvSt11align_val_t";
    /// `operator delete[](void*, std::align_val_t, const std::nothrow_t&)`.
    _ZdaPvSt11align_val_tRKSt9nothrow_t => "_ZdaPvSt11align_val_t";
}
