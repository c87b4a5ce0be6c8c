//! A stack against two vectors.

#![allow(unsafe_code)]

use super::{End, Raw};
use core::ptr::NonNull;
use proptest::prelude::*;
use std::vec::Vec;

#[derive(Clone, Debug)]
enum Step {
    Push(bool, usize, u32),
    Pop(bool, usize),
    Mark(bool),
    Rewind(bool, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0..300usize, 0..9u32).prop_map(|(high, n, log)| Step::Push(high, n, if log < 5 { 0 } else { log - 4 })),
        4 => (any::<bool>(), 0..4usize).prop_map(|(high, down)| Step::Pop(high, down)),
        1 => any::<bool>().prop_map(Step::Mark),
        1 => (any::<bool>(), 0..3usize).prop_map(|(high, down)| Step::Rewind(high, down)),
    ]
}

fn end(high: bool) -> End {
    if high { End::High } else { End::Low }
}

type Block = (NonNull<u8>, usize, u8);

fn run(stack: Raw, steps: Vec<Step>) {
    let mut blocks: [Vec<Block>; 2] = Default::default();
    let mut marks: [Vec<(u64, usize)>; 2] = Default::default();
    let words = stack.has_words();
    for (count, step) in steps.into_iter().enumerate() {
        match step {
            Step::Push(high, n, log) => {
                let left = stack.figures().left;
                match stack.push(end(high), n, 16 << log) {
                    Some(block) => {
                        assert!(block.addr().get() % (16 << log) == 0);
                        let seed = count as u8;
                        // SAFETY: the block has as many.
                        unsafe { block.write_bytes(seed, n) };
                        blocks[usize::from(high)].push((block, n, seed));
                    }
                    None => assert!(left < n + 8 + (16 << log) + 16),
                }
            }
            Step::Pop(high, down) if words => {
                let blocks = &mut blocks[usize::from(high)];
                if blocks.len() > down {
                    let (block, _, _) = blocks[blocks.len() - 1 - down];
                    stack.pop(end(high), block);
                    blocks.truncate(blocks.len() - 1 - down);
                    let len = blocks.len();
                    marks[usize::from(high)].retain(|&(_, at)| at <= len);
                }
            }
            Step::Pop(..) => {}
            Step::Mark(high) => {
                marks[usize::from(high)].push((stack.mark(end(high)), blocks[usize::from(high)].len()));
            }
            Step::Rewind(high, down) => {
                let marks = &mut marks[usize::from(high)];
                if marks.len() > down {
                    marks.truncate(marks.len() - down);
                    let (mark, len) = marks.pop().unwrap();
                    stack.rewind(end(high), mark);
                    blocks[usize::from(high)].truncate(len);
                }
            }
        }
        assert_eq!(stack.check(), None);
        for &(block, n, seed) in blocks.iter().flatten() {
            // SAFETY: the block has as many, all written.
            assert!(unsafe { core::slice::from_raw_parts(block.as_ptr(), n) }.iter().all(|&byte| byte == seed));
        }
        let figures = stack.figures();
        assert_eq!(figures.low + figures.high + figures.left, figures.bytes);
        assert!(figures.peak >= figures.low + figures.high);
        assert!(figures.low > 0 || blocks[0].is_empty() || !words);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 }))]

    #[test]
    fn agrees_with_vectors(bytes in 200..6000usize, marks_only in any::<bool>(), steps in proptest::collection::vec(step(), 1..if cfg!(miri) { 30 } else { 300 })) {
        let stack = Raw::new(bytes, marks_only).unwrap();
        prop_assert!(stack.figures().bytes >= bytes);
        run(stack, steps.clone());
        // SAFETY: nothing uses it any more.
        unsafe { stack.destroy() };
        let mut buffer = std::vec![0u128; bytes / 16];
        // SAFETY: nothing else uses the buffer.
        let stack = unsafe { Raw::over(NonNull::new(buffer.as_mut_ptr().cast()).unwrap(), bytes / 16 * 16, marks_only) };
        run(stack.unwrap(), steps);
    }
}

fn report_of(work: impl FnOnce() + std::panic::UnwindSafe) -> std::string::String {
    let panic = std::panic::catch_unwind(work).expect_err("a report");
    panic.downcast_ref::<std::string::String>().cloned().unwrap()
}

#[test]
fn misuse_is_reported() {
    for end in [End::Low, End::High] {
        let other = if end == End::Low { End::High } else { End::Low };
        let stack = Raw::new(4096, false).unwrap();
        let push = || stack.push(end, 40, 16).unwrap();
        let (a, b, c) = (push(), push(), push());
        let late = stack.mark(end);
        stack.pop(end, b);
        let wrong = |block: NonNull<u8>| report_of(move || stack.pop(end, block));
        assert!(wrong(b).contains("M021 out of order") && wrong(c).contains("popped already"));
        assert!(report_of(move || stack.pop(other, a)).contains("other end"));
        // SAFETY: inside the range.
        assert!(wrong(unsafe { a.add(16) }).contains("M003 interior pointer"));
        assert!(wrong(NonNull::from(&0u8)).contains("M004 foreign pointer"));
        assert!(report_of(move || stack.rewind(end, late)).contains("M021 out of order"));
        assert!(report_of(move || stack.rewind(end, late ^ 16)).contains("no mark"));
        let mark = stack.mark(end);
        assert!(report_of(move || stack.rewind(other, mark)).contains("no mark"));
        assert_eq!(stack.check(), None);
        let d = push();
        // SAFETY: inside the range: over the end of the block before, and over its own.
        unsafe { if end == End::Low { d.add(40).write_bytes(7, 8) } else { d.sub(8).write_bytes(7, 8) } };
        assert!(stack.check().is_some());
        assert!(wrong(a).contains("M005 header overwritten"));
    }
}

#[test]
fn what_is_too_large_is_refused() {
    assert!(Raw::new(usize::MAX, false).is_none() && Raw::new(1 << 60, false).is_none());
    let stack = Raw::new(1000, false).unwrap();
    for end in [End::Low, End::High] {
        assert!(stack.push(end, usize::MAX, 16).is_none() && stack.push(end, 2000, 16).is_none());
        assert!(stack.push(end, 0, super::ALIGN_MAX).is_none() && stack.push(end, usize::MAX - 7, 16).is_none());
    }
    assert!(stack.push(End::Low, 900, 16).is_some() && stack.push(End::High, 40, 16).is_some());
    // SAFETY: nothing uses it any more.
    unsafe { stack.destroy() };
}
