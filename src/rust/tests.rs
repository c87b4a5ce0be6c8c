//! The safe types in buffers, which Miri can follow: who borrows what, and that nothing is read that was not written.

use super::arena::Arena;
use super::buddy::Buddy;
use super::freelist::FreeList;
use super::stack::Stack;
use crate::heap::free_list::Fit;
use core::mem::MaybeUninit;
use std::string::String;
use std::vec;
use std::vec::Vec;

#[test]
fn an_arena_lends_and_takes_back() {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut arena = Arena::over(&mut buffer);
    for _ in 0..3 {
        let number = arena.alloc(1);
        let text = arena.alloc_str("abc");
        let row = arena.alloc_slice_fill_with(10, |k| k);
        let dropped = arena.alloc_with_drop(vec![1]);
        *number += 1;
        text.make_ascii_uppercase();
        row[3] = *number;
        dropped.push(row[3]);
        assert_eq!((&*text, row[3], &dropped[..]), ("ABC", 2, &[1, 2][..]));
        let sum = arena.scope(|outer| {
            let number = outer.alloc(5);
            let text = outer.alloc_with_drop(String::from("x"));
            outer.scope(|inner| *number += *inner.alloc(1));
            text.push('y');
            *number + text.len()
        });
        assert_eq!((sum, arena.check()), (8, Ok(())));
        arena.reset();
    }
}

#[test]
fn frames_lend_from_both_ends() {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut stack = Stack::over(&mut buffer).unwrap();
    let outside = String::from("outside");
    stack.frame(|frame| {
        let low = frame.push((1, &outside)).unwrap();
        let high = frame.push_high([2; 3]).unwrap();
        frame.frame(|inner| {
            let row = inner.copied(&[1, 2]).unwrap();
            row[0] = low.0;
            high[1] = row[1];
        });
        low.0 = 3;
        high[0] = low.0;
        assert_eq!((*high, low.1.as_str()), ([3, 2, 2], "outside"));
    });
    assert_eq!(stack.check(), None);
}

#[test]
fn boxes_of_a_list_come_and_go() {
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut list = FreeList::new(&mut buffer, Fit::Best).unwrap();
    let mut boxes: Vec<_> = (0..20).map(|k| list.boxed(vec![k; 3]).unwrap()).collect();
    boxes.retain(|one| one[0] % 2 == 0);
    boxes[0].push(3);
    boxes.extend((0..20).map(|k| list.boxed(vec![k]).unwrap()));
    let bytes = list.copied(&[1_u8; 100]).unwrap();
    assert!(boxes[0][..] == [0, 0, 0, 3] && bytes.iter().all(|byte| *byte == 1));
    drop((boxes, bytes));
    let mut blocks = 0;
    assert!(list.walk(|_, _, is_in_use| {
        blocks += 1;
        !is_in_use
    }));
    assert_eq!((blocks, list.check()), (1, None));
}

#[test]
#[cfg_attr(miri, ignore = "the bitmaps are in memory of the kernel's")]
fn blocks_of_a_slice_are_its_bytes() {
    let mut range = vec![1_u8; 10_000];
    let buddy = Buddy::new(&mut range);
    let mut blocks: Vec<_> = (0..5).map(|k| buddy.alloc(100 << k).unwrap()).collect();
    blocks.iter_mut().for_each(|block| block.fill(7));
    blocks.remove(1);
    assert!(blocks[3].resize(200) && blocks.iter().all(|block| block[0] == 7));
    drop(blocks);
    buddy.check().unwrap();
    drop(buddy);
    assert!(range.contains(&1) && range.contains(&7));
}
