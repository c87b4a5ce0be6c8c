//! A program whose allocator is metes: threads that end with thread-local values, and forks while others allocate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(child: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

thread_local! {
    static WORDS: RefCell<HashMap<usize, String>> = RefCell::default();
}

fn work(rounds: usize) -> usize {
    WORDS.with_borrow_mut(|words| {
        for k in 0..rounds {
            words.insert(k % 500, "x".repeat(k % 3000));
        }
        words.values().map(String::len).sum()
    })
}

fn main() {
    static END: AtomicBool = AtomicBool::new(false);
    let calls = |operation| metes::stats().calls[operation as usize];
    let before = calls(metes::Operation::Malloc);
    let workers: Vec<_> = (0..3)
        .map(|_| {
            thread::spawn(|| {
                while !END.load(Ordering::Relaxed) {
                    // Threads that end while others fork.
                    let ended = thread::spawn(|| black_box(work(2000)));
                    black_box(work(1000));
                    ended.join().unwrap();
                }
            })
        })
        .collect();
    for _ in 0..100 {
        let child = unsafe { fork() };
        if child == 0 {
            // The child has one thread, and can do all that the parent can.
            let in_thread = thread::spawn(|| work(500)).join().unwrap();
            let is_right = in_thread == work(500) && metes::check().is_ok();
            unsafe { _exit(if is_right { 7 } else { 1 }) };
        }
        let mut status = 0;
        assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 7 << 8, "the child ended otherwise");
    }
    END.store(true, Ordering::Relaxed);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert!(calls(metes::Operation::Malloc) > before + 100_000);
    metes::check().unwrap();
    println!("all is well");
}
