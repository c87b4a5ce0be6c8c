//! C++ `operator new` and `operator delete`, without libstdc++ and without a Rust frame under an exception.
//!
//! A program may replace `operator new(size_t)` and `operator delete(void*)`, and expect the array, sized
//! and nothrow forms to use its own ([new.delete.single]). So the array and sized forms jump to the
//! program's function, if it has one, through the symbol that the dynamic linker resolved, and else to
//! ours. The nothrow forms of `new` have to catch what the plain form throws. They call the C++ runtime's
//! own, which do that over `operator new(size_t)`, ours again. libstdc++'s did it over malloc before GCC 9.
//!
//! When memory is out, `operator new` has to call the new-handler in a loop, and throw `std::bad_alloc`
//! where there is none. For both, `std::get_new_handler` and `std::__throw_bad_alloc` of the C++ runtime
//! are found behind ours by name. The loop is in the stub, so a request is served like any other after a
//! handler has made room. To throw, the stub jumps, with nothing of ours left on the stack.
//!
//! The operators are in the shared library only. In a program with `libmetes.a` inside, the C++
//! runtime's own operators call malloc, which is ours, and do all of this right. Stubs of ours would
//! need the runtime's pieces, which a static link brings along only if something else asks for them.

#![allow(unsafe_code)]

use super::cxx_calls::*;
use crate::base::mangled::MangledAddress;
use crate::debug::checked;
use crate::front::entries;
use crate::process::options;
use core::arch::naked_asm;
use core::ffi::c_void;

/// A nothrow form: calls the C++ runtime's own. Valgrind replaces that one, and it would return a
/// block that is not ours. So there, and where there is no C++ runtime, the form allocates here.
macro_rules! nothrow_new {
    ($(#[$doc:meta] $name:ident($($arg:ident: $type:ty),*) over $symbol:literal or $allocate:ident;)*) => {$(
        #[$doc]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($arg: $type,)* tag: *const c_void) -> *mut c_void {
            static RUNTIME: MangledAddress = MangledAddress::none();
            let form = runtime_form(&RUNTIME, $symbol);
            if form.is_null() {
                return $allocate($($arg),*).cast();
            }
            // SAFETY: the symbol names a function of this type, which lets no exception out.
            unsafe {
                let form: extern "C" fn($($type,)* *const c_void) -> *mut c_void = core::mem::transmute(form);
                let p = form($($arg,)* tag);
                if options::checked() {
                    checked::open_to_any(p.cast());
                }
                p
            }
        }
    )*};
}

nothrow_new! {
    /// `operator new(size_t, const std::nothrow_t&)`.
    _ZnwmRKSt9nothrow_t(size: usize) over c"_ZnwmRKSt9nothrow_t" or allocate_new;
    /// `operator new[](size_t, const std::nothrow_t&)`.
    _ZnamRKSt9nothrow_t(size: usize) over c"_ZnamRKSt9nothrow_t" or allocate_array;
    /// `operator new(size_t, std::align_val_t, const std::nothrow_t&)`.
    _ZnwmSt11align_val_tRKSt9nothrow_t(size: usize, align: usize) over c"_ZnwmSt11align_val_tRKSt9nothrow_t"
        or allocate_aligned;
    /// `operator new[](size_t, std::align_val_t, const std::nothrow_t&)`.
    _ZnamSt11align_val_tRKSt9nothrow_t(size: usize, align: usize) over c"_ZnamSt11align_val_tRKSt9nothrow_t"
        or allocate_array_aligned;
}

/// A name for the address of one of our functions, whichever function has its symbol.
macro_rules! own {
    ($name:ident) => {
        concat!(
            ".hidden metes_own",
            stringify!($name),
            "\n.globl metes_own",
            stringify!($name),
            "\nmetes_own",
            stringify!($name),
            ":"
        )
    };
}

/// Jumps to the function of a symbol if it is not ours.
#[cfg(target_arch = "x86_64")]
macro_rules! unless_own {
    ($name:literal) => {
        concat!(
            "lea rax, [rip + metes_own",
            $name,
            "]\n",
            "cmp rax, qword ptr [rip + ",
            $name,
            "@GOTPCREL]\n",
            "jne ",
            $name,
            "@PLT"
        )
    };
}

/// The same. `$first` is an instruction before the jump.
#[cfg(target_arch = "aarch64")]
macro_rules! unless_own {
    ($name:literal $(, $first:literal)?) => {
        concat!(
            "adrp x16, :got:",
            $name,
            "\nldr x16, [x16, :got_lo12:",
            $name,
            "]\nadrp x17, metes_own",
            $name,
            "\nadd x17, x17, :lo12:metes_own",
            $name,
            "\ncmp x16, x17\nb.eq 2f\n",
            $($first, "\n",)?
            "br x16\n2:"
        )
    };
}

/// A throwing form of `operator new`: allocates, and as long as that fails calls the new-handler and tries
/// again. In the end it jumps to what throws. Exceptions and jumps out of the handler pass this frame by.
#[cfg(target_arch = "x86_64")]
macro_rules! throwing_new {
    ($(#[$doc:meta])+ $name:ident($($arg:ident),*), $allocate:ident, $next:ident) => {
        $(#[$doc])+
        #[unsafe(naked)]
        pub extern "C" fn $name($($arg: usize),*) -> *mut c_void {
            naked_asm!(
                own!($name),
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
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdi, qword ptr [rsp + 16]",
                "call {next}",
                "test rdx, rdx",
                "jne 4f",
                "call rax",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdi, qword ptr [rsp + 16]",
                "jmp 2b",
                "4:",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdi, qword ptr [rsp + 16]",
                "add rsp, 24",
                ".cfi_adjust_cfa_offset -24",
                "jmp rax",
                ".cfi_endproc",
                allocate = sym $allocate,
                next = sym $next,
            )
        }
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! throwing_new {
    ($(#[$doc:meta])+ $name:ident($($arg:ident),*), $allocate:ident, $next:ident) => {
        $(#[$doc])+
        #[unsafe(naked)]
        pub extern "C" fn $name($($arg: usize),*) -> *mut c_void {
            naked_asm!(
                own!($name),
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
                "ldp x0, x1, [sp, #16]",
                "bl {next}",
                "cbnz x1, 4f",
                "blr x0",
                "ldp x0, x1, [sp, #16]",
                "b 2b",
                "4:",
                "mov x16, x0",
                "ldp x0, x1, [sp, #16]",
                "ldp x29, x30, [sp], #32",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore 29",
                ".cfi_restore 30",
                "br x16",
                ".cfi_endproc",
                allocate = sym $allocate,
                next = sym $next,
            )
        }
    };
}

/// `operator new(size_t)`: the same as the macro's, but with no more on the stack than it needs.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn _Znwm(_size: usize) -> *mut c_void {
    naked_asm!(
        own!(_Znwm),
        ".cfi_startproc",
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "2:",
        "call {allocate}",
        "test rax, rax",
        "je 3f",
        "add rsp, 8",
        ".cfi_remember_state",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_restore_state",
        "3:",
        "call {next}",
        "mov rdi, qword ptr [rsp]",
        "test rdx, rdx",
        "jne 4f",
        "call rax",
        "mov rdi, qword ptr [rsp]",
        "jmp 2b",
        "4:",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "jmp rax",
        ".cfi_endproc",
        allocate = sym allocate_new,
        next = sym next_plain,
    )
}

#[cfg(target_arch = "aarch64")]
throwing_new!(
    /// `operator new(size_t)`.
    #[unsafe(no_mangle)]
    _Znwm(_size), allocate_new, next_plain
);
throwing_new!(
    /// `operator new(size_t, std::align_val_t)`.
    #[unsafe(no_mangle)]
    _ZnwmSt11align_val_t(_size, _align), allocate_aligned, next_aligned
);

throwing_new!(
    /// `operator new[](size_t)` where blocks are checked.
    new_array(_size), allocate_array, next_plain
);
throwing_new!(
    /// `operator new[](size_t, std::align_val_t)` where blocks are checked.
    new_array_aligned(_size, _align), allocate_array_aligned, next_aligned
);

/// The other forms. Each is served by one of ours, which knows by what form it was called. But if
/// the program has replaced the form that the standard has it call, it calls the program's.
#[cfg(target_arch = "x86_64")]
macro_rules! form {
    // `new[]`: that it is an array form makes a difference only where blocks are checked.
    ($ours:ident array_over $over:literal) => {
        naked_asm!(
            "cmp byte ptr [rip + {unchecked}], 0",
            concat!("jne ", $over, "@PLT"),
            unless_own!($over),
            "jmp {ours}",
            unchecked = sym options::UNCHECKED,
            ours = sym $ours,
        )
    };
    // The size is the second argument and the alignment the third. The form that it calls has the alignment as second.
    ($ours:ident dropping_size $($over:literal)+) => {
        naked_asm!(
            $(
                concat!("lea rax, [rip + metes_own", $over, "]"),
                concat!("cmp rax, qword ptr [rip + ", $over, "@GOTPCREL]"),
                "je 2f",
                "mov rsi, rdx",
                concat!("jmp ", $over, "@PLT"),
                "2:",
            )+
            "jmp {ours}",
            ours = sym $ours,
        )
    };
    ($ours:ident over $($over:literal)*) => {
        naked_asm!($(unless_own!($over),)* "jmp {ours}", ours = sym $ours)
    };
    ($ours:ident named $name:ident over $($over:literal)*) => {
        naked_asm!(own!($name), $(unless_own!($over),)* "jmp {ours}", ours = sym $ours)
    };
}

/// The same.
#[cfg(target_arch = "aarch64")]
macro_rules! form {
    ($ours:ident array_over $over:literal) => {
        naked_asm!(
            "adrp x16, {unchecked}",
            "ldrb w16, [x16, :lo12:{unchecked}]",
            "cbz w16, 3f",
            concat!("b ", $over),
            "3:",
            unless_own!($over),
            "b {ours}",
            unchecked = sym options::UNCHECKED,
            ours = sym $ours,
        )
    };
    ($ours:ident dropping_size $($over:literal)+) => {
        naked_asm!($(unless_own!($over, "mov x1, x2"),)+ "b {ours}", ours = sym $ours)
    };
    ($ours:ident over $($over:literal)*) => {
        naked_asm!($(unless_own!($over),)* "b {ours}", ours = sym $ours)
    };
    ($ours:ident named $name:ident over $($over:literal)*) => {
        naked_asm!(own!($name), $(unless_own!($over),)* "b {ours}", ours = sym $ours)
    };
}

macro_rules! forms {
    ($(#[$doc:meta] $name:ident => $ours:ident { $($how:tt)* };)+) => {$(
        #[$doc]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub extern "C" fn $name() {
            form!($ours $($how)*)
        }
    )+};
}

/// `operator delete(void*, size_t)`. Whether the program has an `operator delete` of its own is looked up by the slow path
/// alone, which lets the fast path know: see `serve_deletes`.
///
/// # Safety
/// `p` must be null or a block that nothing uses any more; other pointers are reported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvm(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    if !unsafe { entries::delete_sized(p, size) } {
        // SAFETY: the caller's promise.
        unsafe { delete_sized_slowly(p, size) };
    }
}

#[cold]
#[unsafe(naked)]
unsafe extern "C" fn delete_sized_slowly(_p: *mut u8, _size: usize) {
    form!(delete_sized over "_ZdlPv")
}

forms! {
    /// `operator new[](size_t)`.
    _Znam => new_array { array_over "_Znwm" };
    /// `operator new[](size_t, std::align_val_t)`.
    _ZnamSt11align_val_t => new_array_aligned { array_over "_ZnwmSt11align_val_t" };
    /// `operator delete(void*)`.
    _ZdlPv => delete { named _ZdlPv over };
    /// `operator delete[](void*)`.
    _ZdaPv => delete_array { named _ZdaPv over "_ZdlPv" };
    /// `operator delete[](void*, size_t)`.
    _ZdaPvm => delete_array_sized { over "_ZdaPv" "_ZdlPv" };
    /// `operator delete(void*, const std::nothrow_t&)`.
    _ZdlPvRKSt9nothrow_t => delete { over "_ZdlPv" };
    /// `operator delete[](void*, const std::nothrow_t&)`.
    _ZdaPvRKSt9nothrow_t => delete_array { over "_ZdaPv" "_ZdlPv" };
    /// `operator delete(void*, std::align_val_t)`.
    _ZdlPvSt11align_val_t => delete_aligned { named _ZdlPvSt11align_val_t over };
    /// `operator delete[](void*, std::align_val_t)`.
    _ZdaPvSt11align_val_t => delete_array_aligned { named _ZdaPvSt11align_val_t over "_ZdlPvSt11align_val_t" };
    /// `operator delete(void*, size_t, std::align_val_t)`.
    _ZdlPvmSt11align_val_t => delete_sized_aligned { dropping_size "_ZdlPvSt11align_val_t" };
    /// `operator delete[](void*, size_t, std::align_val_t)`.
    _ZdaPvmSt11align_val_t => delete_array_sized_aligned { dropping_size "_ZdaPvSt11align_val_t" "_ZdlPvSt11align_val_t" };
    /// `operator delete(void*, std::align_val_t, const std::nothrow_t&)`.
    _ZdlPvSt11align_val_tRKSt9nothrow_t => delete_aligned { over "_ZdlPvSt11align_val_t" };
    /// `operator delete[](void*, std::align_val_t, const std::nothrow_t&)`.
    _ZdaPvSt11align_val_tRKSt9nothrow_t => delete_array_aligned { over "_ZdaPvSt11align_val_t" "_ZdlPvSt11align_val_t" };
}
