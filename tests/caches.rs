//! The caches of threads that have ended: the lowest is used again first, and their pages go back. They serve as new
//! ones do.

#![allow(unsafe_code)]

use metes::Metes;
use metes::internals::threads;
use metes::internals::tuning;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

#[global_allocator]
static METES: Metes = Metes;

const PAGE: usize = 4096;
const THREADS: usize = 30;
/// Pages of a cache that are looked at: all but those of long stacks.
const PAGES: usize = 6;

unsafe extern "C" {
    fn mlock(address: *const u8, len: usize) -> i32;
    fn munlock(address: *const u8, len: usize) -> i32;
}

/// A thread that has a cache, and ends when it is told.
struct Worker {
    cache: usize,
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start() -> Self {
        let (say, said) = channel();
        let (end, wait): (_, Receiver<()>) = channel();
        let thread = std::thread::spawn(move || {
            let blocks: Vec<Vec<u8>> = (1..100).map(|size| black_box(vec![7; 10 * size])).collect();
            say.send((&raw const *threads::cache().unwrap()).addr()).unwrap();
            wait.recv().unwrap();
            assert!(blocks.iter().flatten().all(|&byte| byte == 7));
        });
        Self { cache: said.recv().unwrap(), end, thread }
    }

    fn end(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// Starts threads one after the other, all alive. Returns them and their caches.
fn crowd(count: usize) -> (Vec<Worker>, Vec<usize>) {
    let workers: Vec<Worker> = (0..count).map(|_| Worker::start()).collect();
    let caches = workers.iter().map(|worker| worker.cache).collect();
    (workers, caches)
}

/// How many pages of a cache are resident.
fn resident(cache: usize) -> usize {
    let map = File::open("/proc/self/pagemap").unwrap();
    let is_there = |page: usize| {
        let mut entry = [0; 8];
        map.read_exact_at(&mut entry, (page * 8) as u64).unwrap();
        entry[7] >> 7 == 1
    };
    (cache / PAGE..cache / PAGE + PAGES).filter(|&page| is_there(page)).count()
}

#[test]
fn ended_threads_caches_are_used_again_lowest_first_and_give_their_pages_back() {
    let (mut workers, first) = crowd(THREADS);
    assert!(first.iter().all(|&cache| resident(cache) >= 2));
    // One in the middle ends, and then one before it: both caches are found in their order.
    for index in [20, 10] {
        workers.remove(index).end();
    }
    let (two, again) = crowd(2);
    assert_eq!(again, [first[10], first[20]]);
    workers.into_iter().chain(two).for_each(Worker::end);

    let (workers, again) = crowd(THREADS);
    assert_eq!(again, first);
    workers.into_iter().for_each(Worker::end);
    tuning::trim();
    let left: Vec<usize> = first.iter().map(|&cache| resident(cache)).collect();
    assert_eq!(left, [0; THREADS]);

    // The caches are laid out anew.
    let (workers, again) = crowd(THREADS);
    assert_eq!(again, first);
    // Locked memory cannot go back.
    let locked = core::ptr::without_provenance(first[5]);
    // SAFETY: the pages are a cache's.
    assert_eq!(unsafe { mlock(locked, PAGE) }, 0);
    workers.into_iter().for_each(Worker::end);
    tuning::trim();
    assert!(resident(first[5]) >= 1);
    let (workers, again) = crowd(THREADS);
    assert_eq!(again, first);
    workers.into_iter().for_each(Worker::end);
    // SAFETY: as above.
    assert_eq!(unsafe { munlock(locked, PAGE) }, 0);
    tuning::trim();
    let left: Vec<usize> = first.iter().map(|&cache| resident(cache)).collect();
    assert_eq!(left, [0; THREADS]);
}
