//! The safe type of a heap by name.

#![allow(unsafe_code)]

use metes::{Fit, Heap, LocalHeap, Metes, Tag};
use std::sync::{Arc, LazyLock};

#[global_allocator]
static GLOBAL: Metes = Metes;

#[test]
fn values_live_as_long_as_the_heap_and_are_where_it_is() {
    let heap = Heap::builder().name("values").make().unwrap();
    let numbers: Vec<&mut u64> = (0..10_000).map(|number| heap.alloc(number).unwrap()).collect();
    let text = heap.alloc_str("a text in a heap").unwrap();
    assert!(
        numbers.iter().enumerate().all(|(index, number)| **number == index as u64 && heap.owns(&raw const **number))
    );
    assert!(text == "a text in a heap" && heap.owns(text.as_ptr()));
    let outside = Box::new(1);
    assert!(!heap.owns(&raw const *outside) && heap.live() > 10_000 * 8);
    heap.check().unwrap();
    metes::check().unwrap();
}

#[test]
fn a_limit_holds_and_a_reset_makes_room() {
    let mut heap = Heap::builder().limit(100 << 10).make().unwrap();
    for _ in 0..10 {
        let served = (0..).take_while(|_| heap.alloc([0_u8; 1000]).is_ok()).count();
        assert_eq!(served, (100 << 10) / 1008);
        heap.check().unwrap();
        heap.reset();
        assert_eq!(heap.live(), 0);
    }
}

#[test]
fn a_heap_with_a_range_keeps_to_it() {
    let heap = Heap::builder().reserve(1 << 20).guard_pages().checks().make().unwrap();
    let blocks: Vec<&mut [u8; 1000]> = std::iter::from_fn(|| heap.alloc([7; 1000]).ok()).collect();
    let addresses: Vec<usize> = blocks.iter().map(|block| block.as_ptr().addr()).collect();
    let (low, high) = (addresses.iter().min().unwrap(), addresses.iter().max().unwrap());
    assert!(high - low < 1 << 20 && (900..1049).contains(&blocks.len()), "{} blocks", blocks.len());
    heap.check().unwrap();
    assert!(Heap::builder().reserve(1 << 40).make().is_err());
}

#[test]
fn threads_share_a_heap() {
    let heap = Heap::new().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let heap = &heap;
            scope.spawn(move || {
                let values: Vec<&mut [u32]> =
                    (1..2000).map(|len| heap.alloc_slice_copy(&vec![thread; len % 50 + 1]).unwrap()).collect();
                assert!(values.iter().all(|values| values.iter().all(|&value| value == thread)));
            });
        }
    });
    heap.check().unwrap();
}

#[test]
fn a_fit_says_which_free_block_serves() {
    // Free are a large block, and behind it a smaller one that suits.
    let at_large = |fit| {
        let heap = Heap::builder().fit(fit).make_local().unwrap();
        let large = heap.boxed([0_u8; 8000]).unwrap();
        let _between = heap.alloc([0_u8; 3000]).unwrap();
        let small = heap.boxed([0_u8; 4000]).unwrap();
        let _behind = heap.alloc([0_u8; 3000]).unwrap();
        while heap.stats().largest_free > 9000 {
            heap.alloc_slice_fill(heap.stats().largest_free - 8, 0_u8).unwrap();
        }
        let (at_large, at_small) = (large.as_ptr().addr(), small.as_ptr().addr());
        drop((large, small));
        let served = heap.alloc([0_u8; 4000]).unwrap().as_ptr().addr();
        assert!(served == at_large || served == at_small);
        heap.check().unwrap();
        served == at_large
    };
    assert_eq!([Fit::First, Fit::Best, Fit::Worst].map(at_large), [true, false, true]);
}

#[test]
fn a_heap_for_one_thread_goes_from_thread_to_thread() {
    let mut heap = LocalHeap::new().unwrap();
    for round in 1..10_u64 {
        heap = std::thread::spawn(move || {
            let mut boxes: Vec<_> = (0..1000).map(|k| heap.boxed(k * round).unwrap()).collect();
            boxes.retain(|number| **number % 2 == 0);
            assert_eq!(heap.stats().blocks, boxes.len());
            boxes.into_iter().for_each(|number| _ = number.leak());
            heap.check().unwrap();
            heap.reset();
            heap
        })
        .join()
        .unwrap();
        assert_eq!(heap.live(), 0);
        // Another thread looks at all that there is, and leaves this one alone.
        metes::check().unwrap();
    }
}

#[test]
fn a_box_drops_its_value_and_frees_its_block() {
    let heap = Heap::new().unwrap();
    let counted = Arc::new(());
    let boxes: Vec<_> = (0..10).map(|_| heap.boxed(counted.clone()).unwrap()).collect();
    // A shared heap's boxes go to other threads.
    std::thread::scope(|scope| _ = scope.spawn(move || drop(boxes)));
    assert_eq!((Arc::strong_count(&counted), heap.live()), (1, 0));
    let taken = heap.boxed(counted.clone()).unwrap().into_inner();
    assert_eq!((Arc::strong_count(&counted), heap.live()), (2, 0));
    drop(taken);
    let leaked = heap.boxed(counted.clone()).unwrap().leak();
    assert!(Arc::strong_count(leaked) == 2 && heap.live() > 0);
    let text = heap.alloc_str("a text").unwrap();
    text.make_ascii_uppercase();
    assert_eq!((&*text, &*heap.alloc_slice_fill(3, 'x').unwrap()), ("A TEXT", &['x'; 3][..]));
    let limited = Heap::builder().limit(1000).make().unwrap();
    assert!(limited.boxed([0_u8; 2000]).is_err() && limited.check().is_ok());
}

#[test]
fn a_scope_nests_and_ends_also_by_a_panic() {
    static OUTER: LazyLock<Heap> = LazyLock::new(|| Heap::builder().name("outer").make().unwrap());
    let inner = Tag::new("inner").unwrap();
    let kept = OUTER.scope(|| {
        let before = String::from("before");
        let within = inner.scope(|| String::from("within"));
        let after = String::from("after");
        assert!(OUTER.owns(before.as_str()) && inner.owns(within.as_str()) && OUTER.owns(after.as_str()));
        within
    });
    // Without a message: what prints one keeps some memory.
    let panicked = std::panic::catch_unwind(|| inner.scope(|| std::panic::resume_unwind(Box::new(kept))));
    assert!(panicked.is_err() && inner.stats().blocks > 0);
    let outside = String::from("outside");
    assert!(!OUTER.owns(outside.as_str()) && !inner.owns(outside.as_str()));
    std::thread::spawn(move || drop(panicked)).join().unwrap();
    assert_eq!((inner.stats().live, OUTER.live()), (0, 0));

    let mut ends = Heap::new().unwrap();
    // SAFETY: nothing stays.
    let sum = unsafe { ends.scope_unchecked(|| (0..100).collect::<Vec<u32>>().iter().sum::<u32>()) };
    assert!(sum == 4950 && ends.stats().mallocs > 0);
    ends.reset();
}

#[test]
fn scopes_that_are_too_deep_run_all_the_same() {
    fn deeper(tag: Tag, depth: u32) -> u32 {
        if depth == 0 { String::from("deep").len() as u32 } else { 1 + tag.scope(|| deeper(tag, depth - 1)) }
    }
    let tag = Tag::new("deep").unwrap();
    assert_eq!(deeper(tag, 100), 104);
    assert!(!tag.owns(String::from("outside").as_str()));
    assert_eq!(tag.stats().live, 0);
}
