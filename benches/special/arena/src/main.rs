//! `arena WHAT WHICH ROUNDS`: nanoseconds of processor time for an allocation, the least of several rounds. `run` calls
//! it.

use bumpalo::Bump;
use metes::Arena;
use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;

#[cfg(feature = "global")]
#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

#[repr(C)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut Time) -> i32;
}

fn processor_time() -> f64 {
    let mut time = Time { seconds: 0, nanoseconds: 0 };
    // SAFETY: the place is a time's. 2 is the process's clock.
    unsafe { clock_gettime(2, &mut time) };
    time.seconds as f64 * 1e9 + time.nanoseconds as f64
}

const COUNT: usize = 1000;
const MANY: usize = 1_000_000;

fn layouts() -> Vec<Layout> {
    let mut state = 88172645463325252u64;
    (0..COUNT)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Layout::from_size_align(16 + (state % 241) as usize, 8).unwrap()
        })
        .collect()
}

struct Node {
    _left: usize,
    _right: usize,
    _value: u32,
}

trait Peer {
    fn new() -> Self;
    fn layout(&self, layout: Layout) -> NonNull<u8>;
    fn node(&self, number: usize) -> &mut Node;
    fn reset(&mut self);
}

impl Peer for Bump {
    fn new() -> Self {
        Bump::new()
    }
    #[inline(always)]
    fn layout(&self, layout: Layout) -> NonNull<u8> {
        self.alloc_layout(layout)
    }
    #[inline(always)]
    fn node(&self, number: usize) -> &mut Node {
        self.alloc(Node { _left: number, _right: number, _value: 0 })
    }
    fn reset(&mut self) {
        Bump::reset(self);
    }
}

impl Peer for Arena<'static> {
    fn new() -> Self {
        Arena::new()
    }
    #[inline(always)]
    fn layout(&self, layout: Layout) -> NonNull<u8> {
        self.alloc_layout(layout)
    }
    #[inline(always)]
    fn node(&self, number: usize) -> &mut Node {
        self.alloc(Node { _left: number, _right: number, _value: 0 })
    }
    fn reset(&mut self) {
        Arena::reset(self);
    }
}

#[inline(always)]
fn touch(piece: NonNull<u8>) {
    // SAFETY: at least 16 bytes.
    unsafe { piece.cast::<usize>().write(1) };
    black_box(piece);
}

fn measure<P: Peer>(what: &str, rounds: usize) -> f64 {
    let layouts = layouts();
    let mut arena = P::new();
    let mut least = f64::MAX;
    for _ in 0..rounds {
        let start = processor_time();
        let count = match what {
            "reset" => {
                for _ in 0..1000 {
                    layouts.iter().for_each(|&layout| touch(arena.layout(layout)));
                    arena.reset();
                }
                1000 * COUNT
            }
            "typed" => {
                for _ in 0..1000 {
                    (0..COUNT).for_each(|number| {
                        black_box(arena.node(number));
                    });
                    arena.reset();
                }
                1000 * COUNT
            }
            _ => {
                let fresh = P::new();
                for _ in 0..MANY / COUNT {
                    layouts.iter().for_each(|&layout| touch(fresh.layout(layout)));
                }
                drop(fresh);
                MANY
            }
        };
        least = least.min((processor_time() - start) / count as f64);
    }
    least
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, what, which, rounds] = arguments.as_slice() else { panic!("WHAT WHICH ROUNDS") };
    let rounds = rounds.parse().unwrap();
    let least = if which == "metes" { measure::<Arena>(what, rounds) } else { measure::<Bump>(what, rounds) };
    println!("{least:.3}");
}
