//! The `Allocator` trait over heaps, as other crates use it.

#![cfg(feature = "allocator-api2")]

use allocator_api2::vec::Vec;
use metes::{Heap, Metes};

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
