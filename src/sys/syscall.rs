//! System calls, made here and not by the libc.
//!
//! Another library may replace any function of the libc. Such a library counts what a program maps, tells
//! it another time, or makes its files last no longer than the program. `syscall(2)` is no exception. The
//! replacement may allocate. It may look up the replaced function by `dlsym`, which allocates too. Called
//! at the start, under a lock or in the helper, it would come back here for ever. A call that goes straight
//! to the kernel meets no other library and does not touch errno: the kernel's answer is the result.

#![allow(unsafe_code)]

use core::ffi::{c_int, c_long};

/// The kernel's answer: a number, or the reason of the failure.
pub type Answer = Result<usize, c_int>;

/// Answers from here up to -1 are reasons.
const FIRST_REASON: isize = -4095;

/// Makes a system call, whose arguments are whole words. Does not touch errno.
///
/// # Safety
/// As for the call.
#[inline(always)]
pub unsafe fn call<const N: usize>(number: c_long, args: [usize; N]) -> Answer {
    const { assert!(N <= 6) };
    // SAFETY: the caller's promise.
    let answer = unsafe { made::call(number as isize, args) };
    match answer {
        #[expect(clippy::cast_possible_truncation, reason = "reasons are small")]
        FIRST_REASON..0 => Err((-answer) as c_int),
        _ => Ok(answer.cast_unsigned()),
    }
}

/// A flag word or a descriptor as a whole word. The kernel looks at its low half.
pub const fn int(value: c_int) -> usize {
    value.cast_unsigned() as usize
}

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(any(miri, tsan))))]
mod made {
    use core::arch::asm;

    /// # Safety
    /// As for the call.
    #[inline(always)]
    pub unsafe fn call<const N: usize>(number: isize, args: [usize; N]) -> isize {
        let arg = |index: usize| if index < N { args[index] } else { 0 };
        let mut answer = number;
        // SAFETY: the caller's promise. The kernel changes rcx and r11 beside the answer. It reads no
        // register that the call does not take.
        unsafe {
            match N {
                0 => asm!("syscall", inlateout("rax") answer, lateout("rcx") _, lateout("r11") _, options(nostack)),
                1..=3 => asm!(
                    "syscall",
                    inlateout("rax") answer,
                    in("rdi") arg(0),
                    in("rsi") arg(1),
                    in("rdx") arg(2),
                    lateout("rcx") _,
                    lateout("r11") _,
                    options(nostack),
                ),
                _ => asm!(
                    "syscall",
                    inlateout("rax") answer,
                    in("rdi") arg(0),
                    in("rsi") arg(1),
                    in("rdx") arg(2),
                    in("r10") arg(3),
                    in("r8") arg(4),
                    in("r9") arg(5),
                    lateout("rcx") _,
                    lateout("r11") _,
                    options(nostack),
                ),
            }
        }
        answer
    }
}

#[cfg(all(target_arch = "aarch64", target_pointer_width = "64", not(any(miri, tsan))))]
mod made {
    /// # Safety
    /// As for the call.
    #[inline(always)]
    pub unsafe fn call<const N: usize>(number: isize, args: [usize; N]) -> isize {
        let arg = |index: usize| if index < N { args[index] } else { 0 };
        let answer: isize;
        // SAFETY: the caller's promise. The kernel changes only x0.
        unsafe {
            core::arch::asm!(
                "svc 0",
                in("x8") number,
                inlateout("x0") arg(0) => answer,
                in("x1") arg(1),
                in("x2") arg(2),
                in("x3") arg(3),
                in("x4") arg(4),
                in("x5") arg(5),
                options(nostack),
            );
        }
        answer
    }
}

/// Through the libc on other machines, and under tools that know only its functions.
#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(any(miri, tsan))
)))]
mod made {
    use crate::sys::errno;
    use core::ffi::c_long;

    /// # Safety
    /// As for the call.
    pub unsafe fn call<const N: usize>(number: isize, args: [usize; N]) -> isize {
        // The function is variadic. The upper half of a narrower argument would be whatever the
        // register or the stack held.
        let arg = |index: usize| if index < N { args[index] } else { 0 };
        errno::keeping_errno(|| {
            // SAFETY: the caller's promise.
            let answer =
                unsafe { libc::syscall(number as c_long, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5)) } as isize;
            if answer == -1 { -(errno::errno() as isize) } else { answer }
        })
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use crate::base::pointer;
    use crate::sys::errno;

    #[test]
    fn answers_and_reasons_are_told_apart_and_errno_stays() {
        errno::set_errno(77);
        // SAFETY: these calls touch no memory but what they are given.
        unsafe {
            assert_eq!(call(libc::SYS_getpid, []), Ok(std::process::id() as usize));
            assert_eq!(call(libc::SYS_close, [int(-1)]), Err(libc::EBADF));
            assert_eq!(call(libc::SYS_munmap, [1, 1]), Err(libc::EINVAL));
            assert_eq!(call(1_000_000, []), Err(libc::ENOSYS));
            // A high address is not taken for a reason.
            let flags = int(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let page = call(libc::SYS_mmap, [0, 4096, 0, flags, int(-1), 0]).unwrap();
            assert_eq!((page % 4096, call(libc::SYS_munmap, [page, 4096])), (0, Ok(0)));
        }
        assert_eq!(errno::errno(), 77);
    }

    #[test]
    fn six_arguments_arrive_in_order() {
        let mut text = *b"0123456789";
        let (from, to) = (pointer::expose(text.as_ptr()), pointer::expose(text.as_mut_ptr()) + 5);
        let (local, remote) = ([to, 5], [from, 5]);
        let args =
            [std::process::id() as usize, pointer::expose(local.as_ptr()), 1, pointer::expose(remote.as_ptr()), 1, 0];
        // SAFETY: the first five bytes of the text go to the five after them.
        assert_eq!(unsafe { call(libc::SYS_process_vm_readv, args) }, Ok(5));
        assert_eq!(core::hint::black_box(&text), b"0123401234");
    }
}
