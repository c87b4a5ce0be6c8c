//! A helper thread that the libc does not know of.
//!
//! It is made with clone(2), not with `pthread_create`. A free may start the helper, so the caller may hold a lock
//! of the libc or be in a signal handler. A thread that the libc counts would also keep a process alive whose
//! other threads have all ended with `pthread_exit`. And it would make stdio and `shared_ptr` slower in programs
//! with one thread. All signals but SIGSYS are blocked in the helper, so the kernel never chooses it for one.
//!
//! ```text
//!     | guard page | stack ... | thread-local words, at the same depth below fs in all threads | head | number |
//!                                                                                              ^ fs
//! ```
//!
//! The thread-local words that it uses are zero when it starts: errno and the two of metes. Then the
//! thread word gets the thread's number (see `thread`).
//!
//! The call has exactly the flags of `pthread_create`, because sandboxes that let a program make
//! threads compare them all. It also names a word that the kernel fills with the thread's number, and
//! clears when the thread is gone. At that moment the thread needs its memory no more. A block is never
//! unmapped but serves the next helper. Only the thread itself could unmap it, before its end, and then
//! the kernel would clear four bytes of the next owner of the address.

#![allow(unsafe_code)]

/// The result of starting a helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Started {
    /// It runs.
    Yes,
    /// Earlier helpers have not quite ended. It may start later.
    NotNow,
    /// The kernel refuses, or this machine has no helper.
    Never,
}

#[cfg(all(target_arch = "x86_64", not(any(test, miri, tsan))))]
mod made {
    use super::Started;
    use crate::base::{align, pointer};
    use crate::sys::linux::Linux;
    use crate::sys::pages::PageSource;
    use crate::sys::syscall::int;
    use crate::sys::{calls, errno, mmap, tls};
    use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

    /// Bytes of the stack. A report of misuse needs the most.
    const STACK: usize = 64 << 10;
    /// Bytes for thread-local words. Untouched ones are only address space.
    const WORDS: usize = 256 << 10;
    /// Bytes of the head of a thread's block: self pointers, the stack guard, the pointer guard. In
    /// other threads the libc's record of the thread follows, and here the thread's number.
    const HEAD: usize = 64;
    const RECORD: usize = 4 << 10;
    const SELF: usize = 16;

    /// The heads of the existing blocks, or 0. A helper that has done its work may take a while to end.
    static HEADS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

    /// The word with the number of the thread whose block has this head; 0 once the thread is gone.
    fn number(head: usize) -> &'static AtomicU32 {
        // SAFETY: blocks stay, and only the kernel and this module use the word.
        unsafe { pointer::to_ref(head + HEAD) }
    }

    /// In a forked child: makes all blocks free, because their helpers were left behind.
    pub fn adopt() {
        let heads = HEADS.iter().map(|head| head.load(Ordering::Relaxed));
        heads.filter(|&head| head != 0).for_each(|head| number(head).store(0, Ordering::Relaxed));
    }

    /// Starts a helper that runs `main` and ends. Two threads must not call this at once.
    pub fn start(main: extern "C" fn()) -> Started {
        let pointer = thread_pointer();
        let [thread, cache] = tls::depths();
        // musl has errno in the head.
        let words = [thread, cache, pointer.wrapping_sub(errno::errno_address())];
        if words.iter().any(|&depth| depth > WORDS && depth.wrapping_neg() >= HEAD) {
            return Started::Never;
        }
        let is_free = |head: usize| head == 0 || number(head).load(Ordering::Acquire) == 0;
        let Some(slot) = HEADS.iter().find(|slot| is_free(slot.load(Ordering::Relaxed))) else {
            return Started::NotNow;
        };
        let head = match slot.load(Ordering::Relaxed) {
            0 => match make() {
                Some(head) => head,
                None => return Started::Never,
            },
            head => head,
        };
        slot.store(head, Ordering::Relaxed);
        // SAFETY: both heads are mapped, and no thread uses the new one.
        unsafe {
            let copy = pointer::at_mut::<u8>(head);
            copy.copy_from_nonoverlapping(pointer::at(pointer), HEAD);
            copy.cast::<usize>().write(head);
            copy.byte_add(SELF).cast::<usize>().write(head);
            for depth in words {
                pointer::at_mut::<usize>(align::down(head.wrapping_sub(depth), size_of::<usize>())).write(0);
            }
        }
        let stack = align::down(head - WORDS, 64);
        // SAFETY: no thread is on the stack or uses the words.
        if calls::with_signals_blocked(|| unsafe { clone(stack, head, main) }) { Started::Yes } else { Started::Never }
    }

    /// Makes a new block, and returns its head.
    fn make() -> Option<usize> {
        let page = Linux.page_size();
        let len = align::up(page + STACK + WORDS + RECORD, page);
        let start = mmap::map_uncounted(len)?;
        if !mmap::forbid(start, page) {
            // SAFETY: mapped above, and unknown to any other code.
            unsafe { mmap::munmap(start, len) };
            return None;
        }
        Some(start + len - RECORD)
    }

    fn thread_pointer() -> usize {
        let pointer: usize;
        // SAFETY: the first word of a thread's block is its own address.
        unsafe {
            core::arch::asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly));
        }
        pointer
    }

    /// The first function of the thread. It knows its number without a system call.
    extern "C" fn begin(main: extern "C" fn()) {
        tls::set_number(number(thread_pointer()).load(Ordering::Relaxed));
        main();
    }

    /// Starts a thread, which ends when `main` returns.
    ///
    /// # Safety
    /// The stack and the thread's block must be the new thread's alone.
    unsafe fn clone(stack: usize, head: usize, main: extern "C" fn()) -> bool {
        // Exactly the flags of pthread_create.
        let flags = libc::CLONE_VM
            | libc::CLONE_FS
            | libc::CLONE_FILES
            | libc::CLONE_SIGHAND
            | libc::CLONE_THREAD
            | libc::CLONE_SYSVSEM
            | libc::CLONE_SETTLS
            | libc::CLONE_PARENT_SETTID
            | libc::CLONE_CHILD_CLEARTID;
        let number = head + HEAD;
        let result: isize;
        // SAFETY: the new thread starts after the system call, on its own stack, and never comes back from there.
        unsafe {
            core::arch::asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, r12",
                "call r9",
                "xor edi, edi",
                "mov eax, {exit}",
                "syscall",
                "2:",
                exit = const libc::SYS_exit,
                inlateout("rax") libc::SYS_clone as isize => result,
                in("rdi") int(flags),
                in("rsi") stack,
                in("rdx") number,
                in("r10") number,
                in("r8") head,
                in("r9") begin as extern "C" fn(extern "C" fn()),
                in("r12") main,
                lateout("rcx") _,
                lateout("r11") _,
            );
        }
        result > 0
    }
}

#[cfg(not(all(target_arch = "x86_64", not(any(test, miri, tsan)))))]
mod made {
    use super::Started;

    /// This machine has no helper.
    pub fn start(_main: extern "C" fn()) -> Started {
        Started::Never
    }

    /// Nothing to do.
    pub fn adopt() {}
}

pub use made::{adopt, start};
