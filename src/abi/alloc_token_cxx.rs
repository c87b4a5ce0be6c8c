//! The forms of `operator new` that clang calls with `-fsanitize=alloc-token`: see `alloc_token`. What their own
//! heaps cannot serve goes on to the ordinary form, with nothing of ours left on the stack: that may throw.

#![allow(unsafe_code)]

use super::alloc_token::without_pointers;
use crate::base::operation::Operation;
use core::arch::naked_asm;
use core::ffi::c_void;

/// A block for a type without pointers, or null.
extern "C" fn serve(size: usize, align: usize, token: usize) -> *mut c_void {
    without_pointers(token, Operation::Malloc, size, align)
}

/// A form: `$set` makes the arguments of `serve` of its own, and `$over` is the ordinary form.
#[cfg(target_arch = "x86_64")]
macro_rules! forms {
    ($($name:ident over $over:literal: $($set:literal)*;)+) => {$(
        #[doc = concat!("As `", $over, "`.")]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name() {
            naked_asm!(
                ".cfi_startproc",
                "push rdi",
                ".cfi_adjust_cfa_offset 8",
                "push rsi",
                ".cfi_adjust_cfa_offset 8",
                "push rdx",
                ".cfi_adjust_cfa_offset 8",
                $($set,)*
                "call {serve}",
                "pop rdx",
                ".cfi_adjust_cfa_offset -8",
                "pop rsi",
                ".cfi_adjust_cfa_offset -8",
                "pop rdi",
                ".cfi_adjust_cfa_offset -8",
                "test rax, rax",
                "je 2f",
                "ret",
                "2:",
                concat!("jmp ", $over, "@PLT"),
                ".cfi_endproc",
                serve = sym serve,
            )
        }
    )+};
}

#[cfg(target_arch = "aarch64")]
macro_rules! forms {
    ($($name:ident over $over:literal: $($set:literal)*;)+) => {$(
        #[doc = concat!("As `", $over, "`.")]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name() {
            naked_asm!(
                ".cfi_startproc",
                "stp x29, x30, [sp, #-48]!",
                ".cfi_def_cfa_offset 48",
                ".cfi_offset 29, -48",
                ".cfi_offset 30, -40",
                "stp x0, x1, [sp, #16]",
                "str x2, [sp, #32]",
                $($set,)*
                "bl {serve}",
                "cbz x0, 2f",
                "ldp x29, x30, [sp], #48",
                ".cfi_remember_state",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore 29",
                ".cfi_restore 30",
                "ret",
                ".cfi_restore_state",
                "2:",
                "ldp x0, x1, [sp, #16]",
                "ldr x2, [sp, #32]",
                "ldp x29, x30, [sp], #48",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore 29",
                ".cfi_restore 30",
                concat!("b ", $over),
                ".cfi_endproc",
                serve = sym serve,
            )
        }
    )+};
}

#[cfg(target_arch = "x86_64")]
forms! {
    __alloc_token__Znwm over "_Znwm": "mov rdx, rsi" "mov esi, 16";
    __alloc_token__Znam over "_Znam": "mov rdx, rsi" "mov esi, 16";
    __alloc_token__ZnwmRKSt9nothrow_t over "_ZnwmRKSt9nothrow_t": "mov esi, 16";
    __alloc_token__ZnamRKSt9nothrow_t over "_ZnamRKSt9nothrow_t": "mov esi, 16";
    __alloc_token__ZnwmSt11align_val_t over "_ZnwmSt11align_val_t": ;
    __alloc_token__ZnamSt11align_val_t over "_ZnamSt11align_val_t": ;
    __alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t over "_ZnwmSt11align_val_tRKSt9nothrow_t": "mov rdx, rcx";
    __alloc_token__ZnamSt11align_val_tRKSt9nothrow_t over "_ZnamSt11align_val_tRKSt9nothrow_t": "mov rdx, rcx";
    __alloc_token_0__Znwm over "_Znwm": "mov esi, 16" "xor edx, edx";
    __alloc_token_0__Znam over "_Znam": "mov esi, 16" "xor edx, edx";
    __alloc_token_0__ZnwmRKSt9nothrow_t over "_ZnwmRKSt9nothrow_t": "mov esi, 16" "xor edx, edx";
    __alloc_token_0__ZnamRKSt9nothrow_t over "_ZnamRKSt9nothrow_t": "mov esi, 16" "xor edx, edx";
    __alloc_token_0__ZnwmSt11align_val_t over "_ZnwmSt11align_val_t": "xor edx, edx";
    __alloc_token_0__ZnamSt11align_val_t over "_ZnamSt11align_val_t": "xor edx, edx";
    __alloc_token_0__ZnwmSt11align_val_tRKSt9nothrow_t over "_ZnwmSt11align_val_tRKSt9nothrow_t": "xor edx, edx";
    __alloc_token_0__ZnamSt11align_val_tRKSt9nothrow_t over "_ZnamSt11align_val_tRKSt9nothrow_t": "xor edx, edx";
}

#[cfg(target_arch = "aarch64")]
forms! {
    __alloc_token__Znwm over "_Znwm": "mov x2, x1" "mov x1, #16";
    __alloc_token__Znam over "_Znam": "mov x2, x1" "mov x1, #16";
    __alloc_token__ZnwmRKSt9nothrow_t over "_ZnwmRKSt9nothrow_t": "mov x1, #16";
    __alloc_token__ZnamRKSt9nothrow_t over "_ZnamRKSt9nothrow_t": "mov x1, #16";
    __alloc_token__ZnwmSt11align_val_t over "_ZnwmSt11align_val_t": ;
    __alloc_token__ZnamSt11align_val_t over "_ZnamSt11align_val_t": ;
    __alloc_token__ZnwmSt11align_val_tRKSt9nothrow_t over "_ZnwmSt11align_val_tRKSt9nothrow_t": "mov x2, x3";
    __alloc_token__ZnamSt11align_val_tRKSt9nothrow_t over "_ZnamSt11align_val_tRKSt9nothrow_t": "mov x2, x3";
    __alloc_token_0__Znwm over "_Znwm": "mov x1, #16" "mov x2, #0";
    __alloc_token_0__Znam over "_Znam": "mov x1, #16" "mov x2, #0";
    __alloc_token_0__ZnwmRKSt9nothrow_t over "_ZnwmRKSt9nothrow_t": "mov x1, #16" "mov x2, #0";
    __alloc_token_0__ZnamRKSt9nothrow_t over "_ZnamRKSt9nothrow_t": "mov x1, #16" "mov x2, #0";
    __alloc_token_0__ZnwmSt11align_val_t over "_ZnwmSt11align_val_t": "mov x2, #0";
    __alloc_token_0__ZnamSt11align_val_t over "_ZnamSt11align_val_t": "mov x2, #0";
    __alloc_token_0__ZnwmSt11align_val_tRKSt9nothrow_t over "_ZnwmSt11align_val_tRKSt9nothrow_t": "mov x2, #0";
    __alloc_token_0__ZnamSt11align_val_tRKSt9nothrow_t over "_ZnamSt11align_val_tRKSt9nothrow_t": "mov x2, #0";
}

/// Forms whose token stands for pointers are the ordinary ones.
macro_rules! ordinary_forms {
    ($($name:ident over $over:literal;)+) => {$(
        #[doc = concat!("As `", $over, "`.")]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            naked_asm!(concat!("jmp ", $over, "@PLT"));
            #[cfg(target_arch = "aarch64")]
            naked_asm!(concat!("b ", $over));
        }
    )+};
}

ordinary_forms! {
    __alloc_token_1__Znwm over "_Znwm";
    __alloc_token_1__Znam over "_Znam";
    __alloc_token_1__ZnwmRKSt9nothrow_t over "_ZnwmRKSt9nothrow_t";
    __alloc_token_1__ZnamRKSt9nothrow_t over "_ZnamRKSt9nothrow_t";
    __alloc_token_1__ZnwmSt11align_val_t over "_ZnwmSt11align_val_t";
    __alloc_token_1__ZnamSt11align_val_t over "_ZnamSt11align_val_t";
    __alloc_token_1__ZnwmSt11align_val_tRKSt9nothrow_t over "_ZnwmSt11align_val_tRKSt9nothrow_t";
    __alloc_token_1__ZnamSt11align_val_tRKSt9nothrow_t over "_ZnamSt11align_val_tRKSt9nothrow_t";
}
