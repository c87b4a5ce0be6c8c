//! Probes for tracers: the contract of the OpenTelemetry eBPF profiler, `otel_memory:alloc(ptr, size, weighted_bytes)` and
//! `otel_memory:free(ptr)`, for sampled blocks.
//!
//! A probe is one instruction that does nothing, and a note in the file that says where it stands and where its arguments
//! are (SystemTap's format, version 3). A tracer puts a breakpoint in its place.

#![allow(unsafe_code)]

/// The note of the probe at label 990, whose arguments the template names.
#[cfg(all(target_os = "linux", not(miri)))]
macro_rules! probe {
    ($name:literal, $arguments:literal, $($operand:tt)*) => {
        // SAFETY: the instruction does nothing. The note is in a section that is not loaded.
        unsafe {
            core::arch::asm!(
                "990: nop",
                ".pushsection .note.stapsdt,\"?\",\"note\"",
                ".balign 4",
                ".4byte 992f-991f, 994f-993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b",
                ".8byte _.stapsdt.base",
                ".8byte 0",
                ".asciz \"otel_memory\"",
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $arguments, "\""),
                "994: .balign 4",
                ".popsection",
                ".ifndef _.stapsdt.base",
                ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat",
                ".weak _.stapsdt.base",
                ".hidden _.stapsdt.base",
                "_.stapsdt.base: .space 1",
                ".size _.stapsdt.base, 1",
                ".popsection",
                ".endif",
                $($operand)*,
                options(nomem, nostack, preserves_flags)
            );
        }
    };
}

/// A sampled block was allocated, which stands for so many bytes.
#[inline(never)]
pub fn alloc(address: usize, size: usize, weighted: u64) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    probe!("alloc", "8@%rdi 8@%rsi 8@%rdx", in("rdi") address, in("rsi") size, in("rdx") weighted);
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    probe!("alloc", "8@x0 8@x1 8@x2", in("x0") address, in("x1") size, in("x2") weighted);
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = (address, size, weighted);
}

/// A sampled block is being freed.
#[inline(never)]
pub fn free(address: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    probe!("free", "8@%rdi", in("rdi") address);
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    probe!("free", "8@x0", in("x0") address);
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}
