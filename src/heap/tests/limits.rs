//! What the system refuses, what is given back, and when.

use super::*;

#[test]
fn freed_memory_waits_for_the_decay_time() {
    let mut bench = Bench::new(Fit::First, 64 << 20);
    let blocks: Vec<_> = (0..24).map(|_| bench.heap.alloc(1 << 20).unwrap().block).collect();
    let held = bench.heap.figures().held;
    // The fake clock goes on by 100 at each look, and each free past the threshold looks once.
    bench.heap.set_trim(1 << 20, 16 << 20, 500);
    for (index, &block) in blocks.iter().enumerate().take(12) {
        bench.free(block).unwrap();
        bench.check();
        let kept = bench.heap.figures().held == held;
        // The first free is past the threshold by the header, and the sixth comes 500 later.
        assert_eq!(kept, index < 5, "after free {index}");
    }
    blocks[12..].iter().for_each(|&block| {
        bench.free(block).unwrap();
    });
    bench.finish();
}

#[test]
fn freed_memory_does_not_wait_when_it_is_much() {
    let mut bench = Bench::new(Fit::First, 64 << 20);
    let blocks: Vec<_> = (0..24).map(|_| bench.heap.alloc(1 << 20).unwrap().block).collect();
    let held = bench.heap.figures().held;
    bench.heap.set_trim(1 << 16, 1 << 20, u64::MAX);
    let gave = blocks.iter().position(|&block| {
        bench.free(block).unwrap();
        bench.check();
        bench.heap.figures().held < held
    });
    // Sixteen freed blocks are no more than twice the eight live ones. So the next free trims.
    assert_eq!(gave, Some(16));
    for &block in &blocks[17..] {
        bench.free(block).unwrap();
    }
    bench.finish();
}

#[test]
fn sizes_no_block_can_have_are_refused() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let block = bench.heap.alloc(100).unwrap().block;
    for n in [32 << 30, 64 << 30, isize::MAX.unsigned_abs(), usize::MAX] {
        assert_eq!(bench.heap.alloc(n), None);
        assert_eq!(bench.heap.alloc_aligned(n, 4096), None);
        assert_eq!(bench.heap.resize(block, n), Ok(None));
        assert_eq!(bench.heap.alloc_aligned(100, 1 << 40), None);
    }
    bench.heap.free(block).unwrap();
    bench.finish();
}

#[test]
fn large_blocks_ask_for_huge_pages_as_far_as_others_were_seen_touched() {
    const MIB: usize = 1 << 20;
    let mut bench = Bench::new(Fit::Best, 128 * MIB);
    bench.heap.set_huge(Huge::Dense(usize::MAX));
    let mut blocks = Vec::new();
    let mut asks = |bench: &mut Bench, operation| {
        bench.heap.set_operation(operation);
        let block = bench.heap.alloc(6 * MIB).unwrap().block;
        blocks.push(block);
        (block, bench.source.is_huge((block + 3 * MIB) & !4095))
    };
    let (first, huge) = asks(&mut bench, Operation::Malloc);
    assert!(!huge, "nothing is known yet");
    bench.heap.was_touched(first, 6 * MIB);
    assert!(!asks(&mut bench, Operation::Calloc).1, "nobody writes to all that calloc gives");
    let (second, huge) = asks(&mut bench, Operation::Malloc);
    assert!(!huge, "a region of 8 MiB is more than was seen");
    bench.heap.was_touched(second, 6 * MIB);
    assert!(asks(&mut bench, Operation::Malloc).1);
    let (third, huge) = asks(&mut bench, Operation::Malloc);
    assert!(!huge, "the one before may never be touched");
    bench.heap.was_touched(third, 6 * MIB);
    bench.check();
    blocks.into_iter().for_each(|block| {
        bench.free(block).unwrap();
    });
    bench.heap.trim();
    bench.heap.release_whole_regions();
    assert_eq!((bench.heap.credit.seen, bench.heap.credit.owed), (0, 0));
    bench.finish();
}

#[test]
fn out_of_memory_is_soft_at_every_call() {
    let (ways, blocks) = if cfg!(miri) { (4, 30) } else { (12, 200) };
    for n in 1..ways {
        let mut bench = Bench::new(Fit::Best, 16 << 20);
        bench.source.fail_every(n);
        let mut held = vec![];
        let mut refused = 0;
        for i in 0..blocks {
            match bench.heap.alloc(i * 700) {
                Some(fresh) => held.push(fresh.block),
                None => refused += 1,
            }
            bench.check();
        }
        assert!(n > 1 || refused > 0);
        bench.source.fail_every(0);
        held.into_iter().for_each(|block| assert!(bench.heap.free(block).is_ok()));
        bench.finish();
    }
}

#[test]
fn in_need_a_block_keeps_no_more_than_two_granules_of_its_region() {
    let mut bench = Bench::new(Fit::Best, 64 << 20);
    let large = bench.heap.alloc(20 << 20).unwrap().block;
    bench.heap.free(large).unwrap();
    // `pin` stands in the middle of the one region.
    let below = bench.heap.alloc(9 << 20).unwrap().block;
    let pin = bench.heap.alloc(100).unwrap().block;
    bench.heap.free(below).unwrap();
    assert_eq!(bench.heap.figures().regions, 1);
    // A cut needs a record for each piece. If the system takes nothing back, all is as it was.
    bench.source.fail_unmaps(true);
    assert_eq!(bench.heap.release_whole_regions(), 0);
    bench.check();
    bench.source.fail_unmaps(false);
    assert!(bench.heap.release_whole_regions() >= 16 << 20);
    bench.check();
    assert!(bench.heap.figures().held <= 2 * REGION_GRANULE, "{:?}", bench.heap.figures());
    let again = bench.heap.alloc(20 << 20).unwrap();
    assert!(are_all(&bytes(again.block, again.usable)[again.dirty..], 0));
    bench.check();
    bench.heap.free(pin).unwrap();
    bench.heap.free(again.block).unwrap();
    assert!(bench.heap.release_whole_regions() != 0 && bench.heap.figures().held == 0);
    bench.finish();
}
