//! Free lists over one buffer of 16 MiB, side by side: nanoseconds of CPU time for a malloc or a free of 16 to 2048 bytes at random, and how full the
//! buffer is when a request fails for the first time.
//!
//! `cargo run --release` in this folder, best under `taskset -c 1`. The least of the rounds counts; rounds are interleaved.

use std::alloc::Layout;
use std::ptr::NonNull;

const BYTES: usize = 16 << 20;
const ROUNDS: usize = 7;

trait Peer {
    const NAME: &'static str;
    /// How many operations a round has, for those that take long.
    const OPERATIONS: usize = 2_000_000;
    fn new(buffer: NonNull<u8>) -> Self;
    fn malloc(&mut self, n: usize) -> Option<NonNull<u8>>;
    fn free(&mut self, block: NonNull<u8>, n: usize);
}

fn layout(n: usize) -> Layout {
    Layout::from_size_align(n, 16).unwrap()
}

fn slice(buffer: NonNull<u8>) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(buffer, BYTES)
}

struct Metes<const FIT: usize>(metes::FreeList<'static>);

const FITS: [(&str, metes::Fit); 3] =
    [("metes, best fit", metes::Fit::Best), ("metes, first fit", metes::Fit::First), ("metes, worst fit", metes::Fit::Worst)];

impl<const FIT: usize> Peer for Metes<FIT> {
    const NAME: &'static str = FITS[FIT].0;

    fn new(buffer: NonNull<u8>) -> Self {
        Self(unsafe { metes::FreeList::from_raw(buffer, BYTES, FITS[FIT].1) }.unwrap())
    }

    #[inline]
    fn malloc(&mut self, n: usize) -> Option<NonNull<u8>> {
        self.0.allocate(layout(n))
    }

    #[inline]
    fn free(&mut self, block: NonNull<u8>, _: usize) {
        unsafe { self.0.deallocate(block) };
    }
}

struct Talc(talc::Talc<talc::ErrOnOom>);

impl Peer for Talc {
    const NAME: &'static str = "talc 4";

    fn new(buffer: NonNull<u8>) -> Self {
        let mut talc = talc::Talc::new(talc::ErrOnOom);
        unsafe { talc.claim(talc::Span::from_base_size(buffer.as_ptr(), BYTES)) }.unwrap();
        Self(talc)
    }

    #[inline]
    fn malloc(&mut self, n: usize) -> Option<NonNull<u8>> {
        unsafe { self.0.malloc(layout(n)) }.ok()
    }

    #[inline]
    fn free(&mut self, block: NonNull<u8>, n: usize) {
        unsafe { self.0.free(block, layout(n)) };
    }
}

struct Rlsf(rlsf::Tlsf<'static, u32, u32, 20, 32>);

impl Peer for Rlsf {
    const NAME: &'static str = "rlsf 0.2";

    fn new(buffer: NonNull<u8>) -> Self {
        let mut tlsf = rlsf::Tlsf::new();
        unsafe { tlsf.insert_free_block_ptr(slice(buffer)) };
        Self(tlsf)
    }

    #[inline]
    fn malloc(&mut self, n: usize) -> Option<NonNull<u8>> {
        self.0.allocate(layout(n))
    }

    #[inline]
    fn free(&mut self, block: NonNull<u8>, _: usize) {
        unsafe { self.0.deallocate(block, 16) };
    }
}

struct Linked(linked_list_allocator::Heap);

impl Peer for Linked {
    const NAME: &'static str = "linked_list_allocator 0.10";
    const OPERATIONS: usize = 50_000;

    fn new(buffer: NonNull<u8>) -> Self {
        Self(unsafe { linked_list_allocator::Heap::new(buffer.as_ptr(), BYTES) })
    }

    fn malloc(&mut self, n: usize) -> Option<NonNull<u8>> {
        self.0.allocate_first_fit(layout(n)).ok()
    }

    fn free(&mut self, block: NonNull<u8>, n: usize) {
        unsafe { self.0.deallocate(block, layout(n)) };
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) as usize
    }

    fn size(&mut self) -> usize {
        16 + self.next() % 2033
    }
}

fn cpu_ns() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// Nanoseconds for an operation where each of so many places is filled or emptied in turn: half are full at a time.
fn churn<P: Peer>(buffer: NonNull<u8>, places: usize) -> f64 {
    let mut peer = P::new(buffer);
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut held: Vec<Option<(NonNull<u8>, usize)>> = vec![None; places];
    let mut turn = |peer: &mut P, random: &mut Random, operations: usize| {
        for _ in 0..operations {
            let place = &mut held[random.next() % places];
            match place.take() {
                Some((block, n)) => peer.free(block, n),
                None => {
                    let n = random.size();
                    // Some policies have no room at times.
                    let Some(block) = peer.malloc(n) else { continue };
                    unsafe { block.write(1) };
                    *place = Some((block, n));
                }
            }
        }
    };
    turn(&mut peer, &mut random, (4 * places).min(P::OPERATIONS));
    let begin = cpu_ns();
    turn(&mut peer, &mut random, P::OPERATIONS);
    (cpu_ns() - begin) / P::OPERATIONS as f64
}

/// Which part of the buffer the program's bytes fill when a request fails: two of three calls are mallocs.
fn fullness<P: Peer>(buffer: NonNull<u8>, seed: u64) -> f64 {
    let mut peer = P::new(buffer);
    let mut random = Random(seed);
    let (mut held, mut live) = (Vec::new(), 0);
    loop {
        if random.next() % 3 != 0 || held.is_empty() {
            let n = random.size();
            let Some(block) = peer.malloc(n) else { return live as f64 / BYTES as f64 };
            held.push((block, n));
            live += n;
        } else {
            let (block, n) = held.swap_remove(random.next() % held.len());
            peer.free(block, n);
            live -= n;
        }
    }
}

struct Row {
    name: &'static str,
    half: f64,
    most: f64,
    full: f64,
}

fn measure<P: Peer>(buffer: NonNull<u8>, row: Option<&mut Row>) -> Row {
    let (half, most) = (churn::<P>(buffer, 16_000), churn::<P>(buffer, 24_000));
    match row {
        Some(row) => {
            (row.half, row.most) = (row.half.min(half), row.most.min(most));
            Row { name: P::NAME, half, most, full: row.full }
        }
        None => {
            let seeds = [3u64, 5, 7, 11, 13];
            let full = seeds.iter().map(|&seed| fullness::<P>(buffer, seed << 40 | 77)).sum::<f64>() / seeds.len() as f64;
            Row { name: P::NAME, half, most, full }
        }
    }
}

fn main() {
    let buffer = NonNull::new(unsafe { std::alloc::alloc_zeroed(Layout::from_size_align(BYTES, 4096).unwrap()) }).unwrap();
    let all: [fn(NonNull<u8>, Option<&mut Row>) -> Row; 6] =
        [measure::<Metes<0>>, measure::<Metes<1>>, measure::<Metes<2>>, measure::<Talc>, measure::<Rlsf>, measure::<Linked>];
    // Numbers name those that are wanted.
    let wanted: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let all: Vec<_> = (0..all.len()).filter(|n| wanted.is_empty() || wanted.contains(n)).map(|n| all[n]).collect();
    let mut rows: Vec<Row> = all.iter().map(|measure| measure(buffer, None)).collect();
    for _ in 1..ROUNDS {
        for (measure, row) in all.iter().zip(&mut rows) {
            measure(buffer, Some(row));
        }
    }
    println!("{:<28} {:>12} {:>12} {:>10}", "", "ns, half full", "3/4 full", "fills");
    for row in &rows {
        println!("{:<28} {:>12.1} {:>12.1} {:>9.1}%", row.name, row.half, row.most, 100.0 * row.full);
    }
}
