//! Real stacks. Each is compared with what the compiler's own unwinder finds on it, which reads the same tables.

#![allow(unsafe_code)]
#![cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(any(miri, feature = "models"))))]

use super::*;
use crate::base::pointer;
use crate::sys::{errno, mmap};
use core::ffi::c_int;
use core::hint::black_box;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Instant;
use std::vec::Vec;
use std::{println, vec};

const DEPTH: usize = 64;

mod compilers {
    use super::*;

    unsafe extern "C" {
        fn _Unwind_Backtrace(frame: extern "C" fn(*mut c_void, *mut c_void) -> c_int, to: *mut c_void) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    extern "C" fn frame(context: *mut c_void, to: *mut c_void) -> c_int {
        // SAFETY: the unwinder calls this with its context and our vector.
        unsafe { (*to.cast::<Vec<usize>>()).push(_Unwind_GetIP(context)) };
        0
    }

    /// The calling thread's return addresses, by the compiler's unwinder.
    #[inline(never)]
    pub fn frames() -> Vec<usize> {
        let mut frames = Vec::with_capacity(256);
        // SAFETY: the function is called with the vector.
        unsafe { _Unwind_Backtrace(frame, (&raw mut frames).cast()) };
        frames
    }
}

/// Captures in both ways, and asserts that the results are the same.
#[inline(never)]
fn captured() -> Vec<usize> {
    let (mut fast, mut careful) = (vec![0; DEPTH], vec![0; DEPTH]);
    let counts = [capture(&mut fast), capture_carefully(&mut careful)];
    fast.truncate(counts[0]);
    careful.truncate(counts[1]);
    assert!(fast.len() > 1, "{fast:x?}");
    // Both start in this function, at two calls.
    assert_eq!(fast[1..], careful[1..]);
    fast
}

/// Both unwinders' frames from the caller's caller on: only there are the return addresses the same.
#[inline(never)]
fn both() -> (Vec<usize>, Vec<usize>) {
    let (mut ours, mut theirs) = (captured(), compilers::frames());
    let place =
        |frames: &Vec<usize>| frames.iter().position(|&frame| function(frame - 1) == both as fn() -> _ as usize);
    let (mine, other) = (place(&ours).unwrap(), place(&theirs).unwrap());
    ours.drain(..=mine);
    theirs.drain(..=other);
    theirs.truncate(ours.len().max(DEPTH - 8));
    (ours, theirs)
}

/// The start of the function that an address is in.
fn function(address: usize) -> usize {
    unsafe extern "C" {
        fn _Unwind_FindEnclosingFunction(address: *mut c_void) -> *mut c_void;
    }
    // SAFETY: only looks up.
    unsafe { _Unwind_FindEnclosingFunction(core::ptr::without_provenance_mut(address)).addr() }
}

/// The last frame of the compiler's unwinder may be a zero.
fn assert_same((ours, theirs): (Vec<usize>, Vec<usize>)) {
    let theirs: Vec<usize> = theirs.into_iter().take_while(|&frame| frame != 0).collect();
    let len = ours.len().min(theirs.len());
    assert_eq!(ours[..len], theirs[..len]);
    assert!(ours.len() == theirs.len() || len >= DEPTH - 16, "{ours:x?}\n{theirs:x?}");
}

#[inline(never)]
fn recursion(depth: usize) -> (Vec<usize>, Vec<usize>) {
    let result = if depth == 0 { both() } else { recursion(depth - 1) };
    black_box(depth);
    result
}

#[test]
fn nested_calls_and_a_recursion_are_as_the_compilers_unwinder_sees_them() {
    assert_same(recursion(0));
    let (ours, theirs) = recursion(10);
    assert!(ours[1..].windows(2).take(9).all(|pair| pair[0] == pair[1]) && ours.len() > 11);
    assert_same((ours, theirs));
}

#[test]
fn a_large_frame_and_one_of_a_size_known_late_are_passed() {
    #[inline(never)]
    fn large(n: usize) -> (Vec<usize>, Vec<usize>) {
        let mut room = [0u8; 300_000];
        room[n] = 1;
        black_box(&mut room);
        let result = both();
        black_box(&mut room);
        result
    }
    assert_same(large(7));
}

#[test]
fn a_deep_stack_fills_what_there_is() {
    #[inline(never)]
    fn deep(depth: usize, frames: &mut [usize]) -> usize {
        let count = if depth == 0 { capture(frames) } else { deep(depth - 1, frames) };
        black_box(depth);
        count
    }
    let mut frames = [0; 8];
    assert_eq!(deep(100, &mut frames), 8);
    assert!(frames[1..].windows(2).all(|pair| pair[0] == pair[1]) && frames[1] != 0);
    assert_eq!(deep(100, &mut []), 0);
}

#[test]
fn a_threads_stack_ends_where_it_starts() {
    let (ours, theirs) = std::thread::spawn(|| recursion(3)).join().unwrap();
    assert!(ours.len() < DEPTH);
    assert_same((ours, theirs));
}

/// A thread made by the libc, with a small stack: the frames are at its very end.
#[test]
fn a_small_threads_first_frames_are_told() {
    extern "C" fn main(to: *mut c_void) -> *mut c_void {
        let mut frames = [0; 32];
        let count = capture(&mut frames);
        // SAFETY: the test's vector, which it looks at when this thread has ended.
        unsafe { (*to.cast::<Vec<usize>>()).extend_from_slice(&frames[..count]) };
        core::ptr::null_mut()
    }
    let mut frames: Vec<usize> = Vec::with_capacity(64);
    // SAFETY: as the libc wants it.
    unsafe {
        let mut attributes: libc::pthread_attr_t = core::mem::zeroed();
        libc::pthread_attr_init(&raw mut attributes);
        libc::pthread_attr_setstacksize(&raw mut attributes, 64 << 10);
        let mut thread: libc::pthread_t = core::mem::zeroed();
        let made = libc::pthread_create(&raw mut thread, &raw const attributes, main, (&raw mut frames).cast());
        assert_eq!(made, 0);
        libc::pthread_join(thread, core::ptr::null_mut());
    }
    // main, start_thread, clone.
    assert!((2..=4).contains(&frames.len()), "{frames:x?}");
    assert_eq!(function(frames[0] - 1), main as extern "C" fn(_) -> _ as usize);
}

static HANDLED: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's context.
    let registers = unsafe { Registers::of_signal(context) };
    let (mut inside, mut outside) = ([0; DEPTH], [0; DEPTH]);
    let counts = [capture(&mut inside), capture_from(&registers, &mut outside, Care::Fast)];
    let (inside, outside) = (&inside[..counts[0]], &outside[..counts[1]]);
    // The capture goes from the handler over the kernel's frame to what was interrupted. From there on
    // it is the one from the context.
    assert_eq!(outside[0], registers.pc + 1);
    let at = inside.iter().position(|&frame| frame == outside[0]).unwrap();
    assert_eq!(&inside[at..], &outside[..inside.len() - at]);
    let mut careful = [0; DEPTH];
    let count = capture_from(&registers, &mut careful, Care::Careful);
    assert_eq!(&careful[..count], outside);
    INTERRUPTED
        .store(outside.iter().filter(|&&frame| function(frame - 1) == raised as fn(c_int) as usize).count(), SeqCst);
    HANDLED.store(true, SeqCst);
}

#[inline(never)]
fn raised(signal: c_int) {
    // SAFETY: the handler is installed.
    unsafe { libc::raise(signal) };
    black_box(signal);
}

fn with_handler(signal: c_int, flags: c_int) {
    HANDLED.store(false, SeqCst);
    // SAFETY: as the libc wants it.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO | flags;
        assert_eq!(libc::sigaction(signal, &raw const action, core::ptr::null_mut()), 0);
    }
    raised(signal);
    assert!(HANDLED.load(SeqCst));
    assert_eq!(INTERRUPTED.load(SeqCst), 1);
}

#[test]
fn a_signal_handler_sees_what_it_interrupted_from_either_stack() {
    with_handler(libc::SIGUSR1, 0);
    let mut other = vec![0u8; 256 << 10];
    // SAFETY: the stack lives until it is taken away again.
    unsafe {
        let stack = libc::stack_t { ss_sp: other.as_mut_ptr().cast(), ss_flags: 0, ss_size: other.len() };
        let mut before: libc::stack_t = core::mem::zeroed();
        assert_eq!(libc::sigaltstack(&raw const stack, &raw mut before), 0);
        with_handler(libc::SIGUSR2, libc::SA_ONSTACK);
        assert_eq!(libc::sigaltstack(&raw const before, core::ptr::null_mut()), 0);
    }
}

/// Registers that lead nowhere end the stack, whatever they hold, and nothing faults.
#[test]
fn made_up_registers_end_the_stack() {
    let mut frames = [0; DEPTH];
    let here = raised as fn(c_int) as usize;
    let local = [0usize; 64];
    let stack = local.as_ptr().addr();
    let (top, page) = (usize::MAX & !7, 1 << 12);
    for pc in [here, here + 4, 0x1000, stack, top] {
        for sp in [0, 8, 1, page, stack, stack + 1, top, 1 << 46] {
            for fp in [0, 1, 16, sp, sp.wrapping_add(64), stack, stack + 8, top] {
                for care in [Care::Fast, Care::Careful] {
                    let count = capture_from(&Registers { pc, sp, fp, lr: None }, &mut frames, care);
                    assert!(
                        count >= 1 && frames[0] == pc.wrapping_add(1),
                        "{pc:x} {sp:x} {fp:x} {count} {:x?}",
                        &frames[..count]
                    );
                    assert!(
                        sp == stack || sp == stack + 1 || count <= 2,
                        "{pc:x} {sp:x} {fp:x} {:x?}",
                        &frames[..count]
                    );
                }
            }
        }
    }
    assert_eq!(capture_from(&Registers { pc: 0, sp: stack, fp: 0, lr: None }, &mut frames, Care::Fast), 0);
}

/// A page with a stack in it, before a page that cannot be read.
#[test]
fn a_stack_that_ends_at_a_page_that_cannot_be_read_ends_there() {
    let page = mmap::page_size();
    let start = mmap::map_uncounted(2 * page).unwrap();
    assert!(mmap::forbid(start + page, page));
    let code = recursion as fn(usize) -> _ as usize;
    let mut frames = [0; DEPTH];
    for depth in 1..40 {
        // The function's return address would be on the other page.
        let registers = Registers { pc: code, sp: start + page - depth * 8, fp: start + page - 8, lr: None };
        for care in [Care::Fast, Care::Careful] {
            let count = capture_from(&registers, &mut frames, care);
            assert!((1..=2).contains(&count), "{count}");
        }
    }
    // SAFETY: mapped above.
    assert!(unsafe { mmap::munmap(start, 2 * page) });
}

/// Code made while the program runs. It calls its argument, with and without a frame pointer.
#[test]
#[cfg(target_arch = "x86_64")]
fn code_without_a_module_is_passed_by_its_frame_pointer() {
    // push rbp; mov rbp, rsp; call rdi; pop rbp; ret
    const WITH: &[u8] = &[0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3];
    // push rax; call rdi; pop rax; ret
    const WITHOUT: &[u8] = &[0x50, 0xff, 0xd7, 0x58, 0xc3];
    std::thread_local! {
        static FOUND: core::cell::RefCell<Vec<usize>> = const { core::cell::RefCell::new(Vec::new()) };
    }
    extern "C" fn inner() {
        FOUND.set(captured());
    }
    #[inline(never)]
    fn outer(code: usize) -> Vec<usize> {
        // SAFETY: the code calls its argument and returns.
        unsafe {
            let code: extern "C" fn(extern "C" fn()) = core::mem::transmute(code);
            code(inner);
        }
        FOUND.take()
    }
    let page = mmap::page_size();
    // The bytes before the first code are on a page that can be read at first, and then cannot.
    let before = mmap::map_uncounted(2 * page).unwrap();
    let start = before + page;
    let at = |offset: usize| pointer::at_mut::<u8>(start + offset);
    // SAFETY: the pages are this test's.
    unsafe {
        at(0).copy_from_nonoverlapping(WITH.as_ptr(), WITH.len());
        at(64).copy_from_nonoverlapping(WITHOUT.as_ptr(), WITHOUT.len());
        assert_eq!(libc::mprotect(at(0).cast(), page, libc::PROT_READ | libc::PROT_EXEC), 0);
    }
    let is_outer = |frame: &&usize| function(**frame - 1) == outer as fn(usize) -> _ as usize;
    for is_there in [true, false] {
        assert!(is_there || mmap::forbid(before, page));
        let found = outer(start);
        let place = found.iter().position(|&frame| frame == start + 6).unwrap();
        assert!(found.get(place + 1).filter(is_outer).is_some(), "{found:x?}");
        assert!(found.len() > place + 3);
    }
    let found = outer(start + 64);
    let place = found.iter().position(|&frame| frame == start + 67).unwrap();
    // The register does not hold a frame pointer of this code. So its caller is left out: the next
    // frame with a frame pointer may follow.
    assert!(found.get(place + 1).filter(is_outer).is_none());
    // SAFETY: mapped above.
    assert!(unsafe { mmap::munmap(before, 2 * page) });
}

/// A guessed frame lies where a stack was that has gone since.
#[test]
fn a_page_that_was_read_is_asked_about_again_where_a_frame_is_guessed() {
    let page = mmap::page_size();
    let start = mmap::map_uncounted(2 * page).unwrap();
    let code = mmap::map_uncounted(page).unwrap();
    let frame = start + page;
    let mut frames = [0; DEPTH];
    // Code in no module, whose frame leads to a return address in this module.
    let registers = Registers { pc: code, sp: start, fp: frame, lr: None };
    // SAFETY: the test's own pages.
    unsafe { pointer::at_mut::<usize>(frame + 8).write(captured().last().copied().unwrap()) };
    assert!(capture_from(&registers, &mut frames, Care::Fast) > 1);
    assert!(mmap::forbid(frame, page));
    for care in [Care::Fast, Care::Careful] {
        assert_eq!(capture_from(&registers, &mut frames, care), 1);
    }
    // SAFETY: mapped above.
    assert!(unsafe { mmap::munmap(start, 2 * page) && mmap::munmap(code, page) });
}

#[test]
fn errno_stays() {
    errno::set_errno(77);
    let mut frames = [0; DEPTH];
    assert!(capture(&mut frames) > 0 && capture_carefully(&mut frames) > 0);
    assert_eq!(errno::errno(), 77);
}

/// The rule for each frame is remembered. This prints what that saves:
/// `cargo test --release --lib -- --nocapture what_a_capture_costs`.
#[test]
fn what_a_capture_costs() {
    #[inline(never)]
    fn deep(depth: usize, f: &mut dyn FnMut()) {
        if depth == 0 {
            f();
        } else {
            deep(depth - 1, f);
        }
        black_box(depth);
    }
    let rule = |frame: usize| CACHE.get(frame - 1, find(frame - 1).unwrap().fingerprint);
    let forget = |frames: &[usize]| frames.iter().for_each(|frame| CACHE.put(frame - 1, 0, Rule::plain(Kind::End)));
    let time = |forgetful: bool| {
        let mut frames = [0; 8];
        let start = Instant::now();
        for _ in 0..1000 {
            assert_eq!(capture(black_box(&mut frames)), frames.len());
            if forgetful {
                forget(&frames);
            }
        }
        start.elapsed().as_nanos() / 1000
    };
    deep(10, &mut || {
        let mut frames = [0; 8];
        // Other tests sometimes put rules into the same places. No walk has gone on from the last frame.
        let mut remembered = || capture(&mut frames) == 8 && frames[..7].iter().all(|&frame| rule(frame).is_some());
        assert!((0..100).any(|_| remembered()));
        let frames = &frames[..7];
        forget(frames);
        assert!(frames.iter().all(|&frame| rule(frame).is_none()));
        println!("a capture of 8 frames: {} ns, of new ones {} ns", time(false), time(true));
        assert!(frames.iter().all(|&frame| rule(frame).is_none()));
    });
}
