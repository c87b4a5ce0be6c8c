//! The safe type of a heap by name.

use metes::{Heap, Metes};

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
