//! A helper thread that the libc does not know of.
//!
//! Made with clone(2) and not `pthread_create`: that may be called from inside a free, so under a lock of the libc's or in a signal
//! handler; and a thread that the libc counts would keep a process alive whose other threads have all ended with `pthread_exit`, and
//! make stdio and `shared_ptr` slower in programs of one thread. All signals are blocked in it, so it is never chosen for one.
//!
//!     | guard page | stack ... | thread-local words, as far below the thread pointer as they are in any thread | head |
//!                                                                                                          ^ fs
//!
//! Its thread-local words, errno and the two of ours, are zero when it starts.

#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan))))]
mod made {
    use crate::base::align;
    use crate::sys::linux::{self, Linux};
    use crate::sys::pages::PageSource;
    use crate::sys::tls;

    /// Bytes of the stack: the deepest way down is a report of misuse.
    const STACK: usize = 64 << 10;
    /// Bytes for thread-local words; those that nobody touches are address space alone.
    const WORDS: usize = 256 << 10;
    /// The head of a thread's block: self pointers, the guard of the stack, the guard of pointers; the libc's record of the thread would
    /// follow.
    const HEAD: usize = 64;
    const RECORD: usize = 4 << 10;
    const SELF: usize = 16;

    /// Starts a helper that runs `main` and ends. False where the kernel refuses.
    pub fn start(main: extern "C" fn()) -> bool {
        let page = Linux.page_size();
        let pointer = thread_pointer();
        if tls::depths().into_iter().chain([pointer.wrapping_sub(linux::errno_address())]).any(|depth| depth > WORDS) {
            return false;
        }
        let len = align::up(page + STACK + WORDS + RECORD, page);
        let Some(start) = linux::map_uncounted(len) else { return false };
        let head = start + len - RECORD;
        let started = linux::forbid(start, page) && {
            // SAFETY: both heads are mapped, and this one is nobody's yet.
            unsafe {
                let copy = core::ptr::with_exposed_provenance_mut::<u8>(head);
                copy.copy_from_nonoverlapping(core::ptr::with_exposed_provenance(pointer), HEAD);
                copy.cast::<usize>().write(head);
                copy.byte_add(SELF).cast::<usize>().write(head);
            }
            let stack = align::down(head - WORDS, 64);
            // SAFETY: the stack and the words are new, and the thread itself gives them back.
            linux::with_signals_blocked(|| unsafe { clone(stack, head, main, start, len) })
        };
        if !started {
            // SAFETY: mapped above, and no thread runs on it.
            unsafe { linux::munmap(start, len) };
        }
        started
    }

    fn thread_pointer() -> usize {
        let pointer: usize;
        // SAFETY: the first word of a thread's block is its own address.
        unsafe {
            core::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly));
        }
        pointer
    }

    /// The new thread unmaps the `len` bytes at `start`, which it stands on, and ends when `main` returns.
    ///
    /// # Safety
    /// The stack and the thread's block must be the new thread's alone.
    unsafe fn clone(stack: usize, pointer: usize, main: extern "C" fn(), start: usize, len: usize) -> bool {
        let flags = libc::CLONE_VM
            | libc::CLONE_FILES
            | libc::CLONE_SIGHAND
            | libc::CLONE_THREAD
            | libc::CLONE_SYSVSEM
            | libc::CLONE_SETTLS;
        let result: isize;
        // SAFETY: the new thread starts behind the system call, on its own stack, and never comes back from there.
        unsafe {
            core::arch::asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "call r9",
                "mov rdi, r12",
                "mov rsi, r13",
                "mov eax, {munmap}",
                "syscall",
                "xor edi, edi",
                "mov eax, {exit}",
                "syscall",
                "2:",
                munmap = const libc::SYS_munmap,
                exit = const libc::SYS_exit,
                inlateout("rax") libc::SYS_clone as isize => result,
                in("rdi") crate::sys::syscall::int(flags),
                in("rsi") stack,
                in("rdx") 0,
                in("r10") 0,
                in("r8") pointer,
                in("r9") main,
                in("r12") start,
                in("r13") len,
                lateout("rcx") _,
                lateout("r11") _,
            );
        }
        result > 0
    }
}

#[cfg(not(all(target_arch = "x86_64", not(any(test, miri, tsan)))))]
mod made {
    /// There is none on this machine.
    pub fn start(_main: extern "C" fn()) -> bool {
        false
    }
}

pub use made::start;
