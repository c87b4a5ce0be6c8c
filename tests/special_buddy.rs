//! Buddy allocators of a Rust program, on metes.

use metes::{Buddy, BuddyOffsets, NotOut};

#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

#[test]
fn blocks_of_a_slice_keep_what_is_in_them() {
    let (mut range, mut random) = (vec![0u8; 1_000_003], Random(1));
    let buddy = Buddy::new(&mut range[1..]);
    let all = buddy.free_bytes();
    let mut live = Vec::new();
    for step in 0..20_000u32 {
        let mark = u8::try_from(step % 251).unwrap();
        if random.below(3) != 0
            && let Some(mut block) = buddy.alloc(random.below(5000))
        {
            assert!(block.len().is_power_of_two() && block.as_ptr().addr() % block.len() == 0);
            block.fill(mark);
            live.push((mark, block));
        } else if !live.is_empty() {
            let (mark, mut block) = live.swap_remove(random.below(live.len()));
            assert!(block.iter().all(|&byte| byte == mark));
            let len = block.len();
            if block.resize(2 * len) {
                assert!(block.len() == 2 * len && block[..len].iter().all(|&byte| byte == mark));
            }
        }
    }
    assert!(live.iter().all(|(mark, block)| block.iter().all(|byte| byte == mark)));
    assert_eq!(buddy.check(), Ok(()));
    drop(live);
    assert_eq!((buddy.free_bytes(), buddy.check()), (all, Ok(())));
    drop(buddy);
    range.fill(0);
}

#[test]
fn offsets_stand_for_anything() {
    let mut offsets = BuddyOffsets::with_blocks(3 << 40, 1 << 20..=1 << 38).unwrap();
    let block = offsets.alloc(1 << 38).unwrap();
    assert_eq!((block % (1 << 38), offsets.alloc(1 << 39), offsets.size_of(block)), (0, None, Ok(1 << 38)));
    assert_eq!(offsets.free(block + (1 << 20)), Err(NotOut));
    assert_eq!(offsets.free(5), Err(NotOut));
    assert_eq!((offsets.free(block), offsets.free(block)), (Ok(1 << 38), Err(NotOut)));
    let small = offsets.alloc(1).unwrap();
    assert_eq!((offsets.resize(small, 7 << 20), offsets.size_of(small)), (Ok(true), Ok(8 << 20)));
    assert_eq!((offsets.free_bytes(), offsets.largest_free()), ((3 << 40) - (8 << 20), 1 << 38));
    offsets.clear();
    assert_eq!((offsets.free_bytes(), offsets.check()), (3 << 40, Ok(())));
}

#[test]
fn one_goes_to_another_thread() {
    let mut offsets = BuddyOffsets::new(4096);
    let block = offsets.alloc(100).unwrap();
    let mut offsets = std::thread::spawn(move || (offsets.free(block).unwrap(), offsets)).join().unwrap().1;
    assert_eq!(offsets.alloc(4096), Some(0));
}
