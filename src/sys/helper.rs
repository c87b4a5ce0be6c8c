//! A helper thread that the libc does not know of.
//!
//! Made with clone(2) and not `pthread_create`: that may be called from inside a free, so under a lock of the libc's or
//! in a signal handler; and a thread that the libc counts would keep a process alive whose other threads have all ended
//! with `pthread_exit`, and make stdio and `shared_ptr` slower in programs of one thread. All signals but SIGSYS are
//! blocked in it, so it is never chosen for one.
//!
//! ```text
//!     | guard page | stack ... | thread-local words, as far below the thread pointer as they are in any thread | head | thread's number |
//!                                                                                                          ^ fs
//! ```
//!
//! Its thread-local words are zero when it starts, errno and the two of ours; the thread word then says the thread's
//! number (`thread`).
//!
//! The call has just the flags that `pthread_create` has: sandboxes that let a program make threads compare them all.
//! With them goes a word that the kernel fills with the thread's number, and clears when the thread is gone, at which
//! moment it needs its memory no more. So a block is never unmapped, which the thread could do only before its end: the
//! kernel would clear four bytes of whoever has the address then. It serves the next helper.

#![allow(unsafe_code)]

/// What came of starting a helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Started {
    /// It runs.
    Yes,
    /// Those before it have not quite ended: later it may start.
    NotNow,
    /// The kernel refuses, or there is none on this machine.
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

    /// Bytes of the stack: the deepest way down is a report of misuse.
    const STACK: usize = 64 << 10;
    /// Bytes for thread-local words; those that nobody touches are address space alone.
    const WORDS: usize = 256 << 10;
    /// The head of a thread's block: self pointers, the guard of the stack, the guard of pointers; the libc's record of
    /// the thread would follow, and the thread's number does.
    const HEAD: usize = 64;
    const RECORD: usize = 4 << 10;
    const SELF: usize = 16;

    /// The heads of the blocks that there are, or 0. A helper that has done its work may take a while to end.
    static HEADS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

    /// The word that has the number of the thread whose block has that head; 0 once it is gone.
    fn number(head: usize) -> &'static AtomicU32 {
        // SAFETY: blocks stay, and beside the kernel only this module uses the word.
        unsafe { pointer::to_ref(head + HEAD) }
    }

    /// In a forked child: the helpers were left behind, with blocks that nobody stands on.
    pub fn adopt() {
        let heads = HEADS.iter().map(|head| head.load(Ordering::Relaxed));
        heads.filter(|&head| head != 0).for_each(|head| number(head).store(0, Ordering::Relaxed));
    }

    /// Starts a helper that runs `main` and ends. Not by two threads at once.
    pub fn start(main: extern "C" fn()) -> Started {
        let pointer = thread_pointer();
        let [thread, cache] = tls::depths();
        let words = [thread, cache, pointer.wrapping_sub(errno::errno_address())];
        if words.iter().any(|&depth| depth > WORDS) {
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
        // SAFETY: both heads are mapped, and this one is nobody's.
        unsafe {
            let copy = pointer::at_mut::<u8>(head);
            copy.copy_from_nonoverlapping(pointer::at(pointer), HEAD);
            copy.cast::<usize>().write(head);
            copy.byte_add(SELF).cast::<usize>().write(head);
            for depth in words {
                pointer::at_mut::<usize>(align::down(head - depth, size_of::<usize>())).write(0);
            }
        }
        let stack = align::down(head - WORDS, 64);
        // SAFETY: nobody is on the stack or has the words.
        if calls::with_signals_blocked(|| unsafe { clone(stack, head, main) }) { Started::Yes } else { Started::Never }
    }

    /// A new block's head.
    fn make() -> Option<usize> {
        let page = Linux.page_size();
        let len = align::up(page + STACK + WORDS + RECORD, page);
        let start = mmap::map_uncounted(len)?;
        if !mmap::forbid(start, page) {
            // SAFETY: mapped above, and nobody has seen it.
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

    /// The first function of the thread. It knows its number without asking.
    extern "C" fn begin(main: extern "C" fn()) {
        tls::set_number(number(thread_pointer()).load(Ordering::Relaxed));
        main();
    }

    /// The new thread ends when `main` returns.
    ///
    /// # Safety
    /// The stack and the thread's block must be the new thread's alone.
    unsafe fn clone(stack: usize, head: usize, main: extern "C" fn()) -> bool {
        // Not one more and not one less than pthread_create has.
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
        // SAFETY: the new thread starts behind the system call, on its own stack, and never comes back from there.
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

    /// There is none on this machine.
    pub fn start(_main: extern "C" fn()) -> Started {
        Started::Never
    }

    /// Nothing to do.
    pub fn adopt() {}
}

pub use made::{adopt, start};
