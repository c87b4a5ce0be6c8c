//! The `Allocator` trait over heaps, as other crates use it.

#![cfg(feature = "allocator-api2")]

use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use metes::{Heap, LocalHeap, Metes};

#[test]
fn a_vector_lives_in_a_heap_and_goes_with_it() {
    let heap = Heap::builder().name("vectors").limit(1 << 20).make().unwrap();
    let mut numbers = Vec::new_in(&heap);
    numbers.extend(0..10_000);
    assert!(heap.owns(numbers.as_ptr()) && numbers.iter().sum::<i32>() == 49_995_000);
    assert!(numbers.try_reserve(1 << 20).is_err());
    drop(numbers);
    assert_eq!(heap.live(), 0);
    heap.check().unwrap();
    let mut global = Vec::new_in(Metes);
    global.push(1);
    assert!(!heap.owns(global.as_ptr()));
}

#[test]
fn vectors_grow_and_shrink_in_a_heap() {
    let heap = LocalHeap::new().unwrap();
    let mut numbers: Vec<u32, _> = Vec::new_in(&heap);
    for number in 0..100_000 {
        numbers.push(number);
        if number % 10_000 == 9_999 {
            numbers.shrink_to_fit();
            assert!((0..).zip(&numbers).all(|(index, number)| index == *number) && heap.owns(numbers.as_ptr()));
        }
    }
    numbers.clear();
    numbers.shrink_to_fit();
    assert_eq!(heap.live(), 0);

    // A block of its own aligned to more than heaps do: it stays aligned.
    #[repr(align(128))]
    struct Wide(u8);
    let mut wide = Vec::new_in(&heap);
    for number in 0..200 {
        wide.push(Wide(number));
        assert!(wide.as_ptr().addr().is_multiple_of(128));
    }
    wide.truncate(3);
    wide.shrink_to_fit();
    assert!(wide.iter().map(|wide| wide.0).eq(0..3) && wide.as_ptr().addr().is_multiple_of(128));
    let text = Box::new_in(*b"text", &heap);
    assert_eq!(*text, *b"text");
    drop((wide, text));
    assert_eq!((heap.live(), heap.check()), (0, Ok(())));
}

#[test]
fn a_growth_that_fails_leaves_the_vector() {
    let heap = Heap::builder().limit(10_000).make().unwrap();
    let mut bytes = Vec::new_in(&heap);
    bytes.extend(std::iter::repeat_n(7_u8, 5000));
    assert!(bytes.try_reserve_exact(20_000).is_err());
    assert!(bytes.len() == 5000 && bytes.iter().all(|byte| *byte == 7));
}
