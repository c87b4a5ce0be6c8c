//! `metes::Stack` from outside, in a program whose own heap is metes.

use std::alloc::Layout;
use std::mem::MaybeUninit;

use metes::{Frame, Metes, Stack};

#[global_allocator]
static GLOBAL: Metes = Metes;

fn depth(frame: &mut Frame<'_>, left: usize) -> usize {
    let here = frame.push(left).unwrap();
    let there = frame.push_high([left; 3]).unwrap();
    let below = if left == 0 { 0 } else { frame.frame(|inner| depth(inner, left - 1)) };
    assert_eq!((*here, *there), (left, [left; 3]));
    below + 1
}

#[test]
fn frames_nest_and_give_all_back() {
    let mut stack = Stack::new(10_000).unwrap();
    for _ in 0..3 {
        assert_eq!(stack.frame(|frame| depth(frame, 100)), 101);
        let stats = stack.stats();
        assert_eq!((stats.low, stats.high, stats.left), (0, 0, stats.bytes));
        assert!(stats.peak >= 101 * (16 + 32));
    }
    assert_eq!(stack.check(), None);
}

#[test]
fn a_panic_gives_back_too() {
    let mut stack = Stack::new(1000).unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        stack.frame(|frame| {
            frame.push([0u8; 500]).unwrap();
            panic!("on purpose");
        })
    }));
    assert!(result.is_err());
    assert_eq!(stack.stats().left, stack.stats().bytes);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut buffer = [MaybeUninit::uninit(); 600];
    let mut stack = Stack::over(&mut buffer).unwrap();
    stack.frame(|frame| {
        assert!(frame.push([0u8; 600]).is_none() && frame.copied(&[0u64; 100]).is_none());
        let text = frame.text("a text").unwrap();
        text.make_ascii_uppercase();
        assert_eq!(text, "A TEXT");
        let memory = frame.allocate(Layout::from_size_align(10, 64).unwrap()).unwrap();
        assert!(memory.as_ptr().addr().is_multiple_of(64) && memory.len() == 10);
        while frame.push(0u8).is_some() && frame.push_high(0u8).is_some() {}
        assert!(frame.left() < 16);
    });
    assert!(Stack::over(&mut []).is_none() && Stack::new(usize::MAX).is_none());
}
