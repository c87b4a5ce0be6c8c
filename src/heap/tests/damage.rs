//! Damage by the program: its kinds are told apart, and no walk follows what is damaged.

#![allow(unsafe_code)]

use super::*;

#[test]
fn misuse_is_told_apart() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let block = bench.heap.alloc(100).unwrap().block;
    let region = bench.map.get(block).unwrap();
    assert!(matches!(bench.heap.free(block + 16), Err(BlockMisuse::NoHeader(_))));
    assert!(matches!(bench.heap.free(block + 3), Err(BlockMisuse::NoHeader(0))));
    // SAFETY: the region is that of the page map.
    let usable = |block| unsafe { usable_size(region, block) };
    assert!(matches!(usable(region.start()), Err(BlockMisuse::NoHeader(0))));
    assert_eq!(bench.heap.locate(block + 16), Location::In { block, usable: 104, in_use: true });
    assert_eq!(usable(block), Ok(104));
    assert_eq!(bench.heap.free(block), Ok(104));
    assert!(matches!(bench.heap.free(block), Err(BlockMisuse::Freed(_))));
    assert!(matches!(bench.heap.resize(block, 5), Err(BlockMisuse::Freed(_))));
    assert_eq!(bench.heap.locate(8), Location::Outside);
    bench.finish();
}

#[test]
fn the_validator_sees_every_kind_of_damage() {
    let fresh = || {
        let mut bench = Bench::new(Fit::First, 16 << 20);
        let blocks: Vec<_> = (0..9).map(|_| bench.heap.alloc(200).unwrap().block).collect();
        for &block in blocks.iter().step_by(2) {
            bench.heap.free(block).unwrap();
        }
        bench.check();
        (bench, blocks)
    };
    let (bench, blocks) = fresh();
    let size = block_at(blocks[0]).header().unwrap().size();
    drop(bench);
    // A bit in the header of a block in use, of a free one, in each word of a node, and in the boundary tag.
    let words =
        [(1, 0usize.wrapping_sub(8)), (2, 0usize.wrapping_sub(8)), (2, 0), (2, 8), (2, 16), (2, 24), (2, size - 16)];
    for (which, offset) in words {
        for bit in [0, 17, 35, 63] {
            let (bench, blocks) = fresh();
            bytes(blocks[which].wrapping_add(offset), 8)[bit / 8] ^= 1 << (bit % 8);
            assert!(bench.heap.check().is_err(), "bit {bit} at {offset} of block {which} went unseen");
        }
    }
    // Words with right checksums and wrong flags, then wrong figures and a wrong page map.
    let (bench, blocks) = fresh();
    let block = block_at(blocks[1]);
    let header = block.header().unwrap();
    block.set_header(header.with_prev_in_use(!header.prev_in_use()));
    assert_eq!(bench.heap.check().unwrap_err().what, "a header is wrong about the block before");
    let (bench, blocks) = fresh();
    let block = block_at(blocks[1]);
    block.set_header(block.header().unwrap().with_in_use(false));
    assert!(bench.heap.check().is_err());
    let (mut bench, _) = fresh();
    bench.heap.figures.live += 16;
    assert_eq!(bench.heap.check().unwrap_err().what, "the live bytes are not the sum of the blocks in use");
    let (bench, blocks) = fresh();
    bench.map.clear((blocks[0] & !(UNIT - 1)) + UNIT, UNIT);
    assert_eq!(bench.heap.check().unwrap_err().what, "the page map does not know a unit of a region");
}

#[test]
#[should_panic(expected = "M006 free block written to")]
fn a_written_link_is_reported_before_it_is_followed() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let blocks: Vec<_> = (0..9).map(|_| bench.heap.alloc(200).unwrap().block).collect();
    blocks.iter().step_by(2).for_each(|&block| assert!(bench.heap.free(block).is_ok()));
    blocks.iter().step_by(2).for_each(|&block| bytes(block, 32).fill(0x41));
    for _ in 0..20 {
        bench.heap.alloc(5000);
    }
}

#[test]
#[should_panic(expected = "M005 header overwritten")]
fn an_overflow_is_reported_when_its_neighbour_is_met() {
    let mut bench = Bench::new(Fit::First, 16 << 20);
    let first = bench.heap.alloc(100).unwrap();
    bench.heap.alloc(100).unwrap();
    bytes(first.block, first.usable + 8).fill(0x41);
    let _ = bench.heap.free(first.block);
}
