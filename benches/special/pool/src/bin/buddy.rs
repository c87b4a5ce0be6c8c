//! `metes::BuddyOffsets` and `buddy_system_allocator`, the same work: `buddy metes|crate`. Random sizes from 64 bytes to 64 KiB, small ones as often as large
//! ones, in 64 MiB. What is measured, in nanoseconds of CPU time for an allocation and its free: with half of the range out, and with nearly all of it.
//!
//! The crate keeps its lists in the free blocks, so it gets memory; metes touches none, so it does the same over offsets.

use buddy_system_allocator::Heap;
use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::Duration;

const RANGE: usize = 64 << 20;

trait Buddy {
    fn new() -> Self;
    fn alloc(&mut self, bytes: usize) -> Option<usize>;
    fn free(&mut self, at: usize, bytes: usize);
}

impl Buddy for metes::BuddyOffsets {
    fn new() -> Self {
        Self::with_blocks(RANGE, 64..=RANGE).unwrap()
    }
    fn alloc(&mut self, bytes: usize) -> Option<usize> {
        self.alloc(bytes)
    }
    fn free(&mut self, at: usize, _: usize) {
        self.free(at).unwrap();
    }
}

impl Buddy for Heap<32> {
    fn new() -> Self {
        // On its own size, and written to: no page comes during the measurement.
        let range = unsafe { std::alloc::alloc(Layout::from_size_align(RANGE, RANGE).unwrap()) };
        unsafe { range.write_bytes(1, RANGE) };
        let mut heap = Self::empty();
        unsafe { heap.init(range.addr(), RANGE) };
        heap
    }
    fn alloc(&mut self, bytes: usize) -> Option<usize> {
        self.alloc(layout(bytes)).ok().map(|block| block.addr().get())
    }
    fn free(&mut self, at: usize, bytes: usize) {
        let block = NonNull::new(std::ptr::with_exposed_provenance_mut(at)).unwrap();
        self.dealloc(block, layout(bytes));
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

/// The process's CPU time.
fn now() -> Duration {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(2, &mut time) };
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn size(&mut self) -> usize {
        let order = self.below(11);
        (64 << order) - self.below(32 << order)
    }
}

/// Fills the range to so many bytes, then replaces random blocks.
fn churn<B: Buddy>(most: usize, steps: usize) -> f64 {
    let (mut buddy, mut random) = (B::new(), Random(1));
    let (mut live, mut bytes) = (Vec::new(), 0);
    while bytes < most {
        let size = random.size();
        let Some(at) = buddy.alloc(size) else { break };
        live.push((at, size));
        bytes += size.next_power_of_two();
    }
    let start = now();
    let mut done = 0;
    while done < steps {
        let (at, size) = live.swap_remove(random.below(live.len()));
        buddy.free(at, size);
        bytes -= size.next_power_of_two();
        loop {
            let size = random.size();
            if bytes + size.next_power_of_two() > most {
                break;
            }
            let Some(at) = buddy.alloc(size) else { break };
            bytes += size.next_power_of_two();
            live.push((black_box(at), size));
            done += 1;
        }
    }
    (now() - start).as_secs_f64() * 1e9 / done as f64
}

fn run<B: Buddy>() {
    const STEPS: usize = 1_000_000;
    println!("{:.1} {:.1}", churn::<B>(RANGE / 2, STEPS), churn::<B>(RANGE / 20 * 19, STEPS));
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("metes") => run::<metes::BuddyOffsets>(),
        _ => run::<Heap<32>>(),
    }
}
