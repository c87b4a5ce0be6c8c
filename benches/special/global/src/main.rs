//! Boxes of one size, made and dropped: one by one, and a hundred at a time. `run` counts instructions.

use std::hint::black_box;

#[cfg(feature = "metes")]
#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As a program's own code does: the compiler knows the size.
fn pairs<const WORDS: usize>(rounds: usize) {
    let mut boxes = Vec::with_capacity(100);
    for _ in 0..rounds {
        for word in 0..100 {
            drop(black_box(Box::new([word as u64; WORDS])));
        }
        for word in 0..100 {
            boxes.push(black_box(Box::new([word as u64; WORDS])));
        }
        boxes.clear();
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let (words, rounds) = (arguments.next().expect("words"), arguments.next().expect("rounds"));
    match words {
        1 => pairs::<1>(rounds),
        6 => pairs::<6>(rounds),
        8 => pairs::<8>(rounds),
        50 => pairs::<50>(rounds),
        _ => panic!("1, 6, 8 or 50 words"),
    }
}
