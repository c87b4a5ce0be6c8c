//! The safe types in the hands of safe code that means no good: alignments and lengths that cannot be, values without
//! bytes, panics in every function of the caller's, boxes that are forgotten, and values that come back to where they
//! are from while they are dropped. The validators find everything whole after each.

use metes::{Arena, Buddy, Fit, FreeList, Heap, HeapBox, LocalHeap, Pool, Stack};
use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static GLOBAL: metes::Metes = metes::Metes;

/// Whether a function panics.
fn panics(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_err()
}

/// Layouts that nothing has room for, and the largest sums that may overflow on the way to say so.
fn impossible() -> impl Iterator<Item = Layout> {
    let most = isize::MAX as usize;
    let aligned = (36..63).flat_map(|bit| [0, 1, 100].map(|bytes| (bytes, 1_usize << bit)));
    let large = [most, most - 15, most / 2, most & !4095].map(|bytes| (bytes, 1));
    let both = [(most & !4095, 4096), (1 << 62, 1 << 61), (1 << 62, 1 << 62)];
    aligned.chain(large).chain(both).filter_map(|(bytes, align)| Layout::from_size_align(bytes, align).ok())
}

#[test]
fn what_cannot_be_is_refused() {
    let (heap, local, arena) = (Heap::new().unwrap(), LocalHeap::new().unwrap(), Arena::new());
    heap.alloc(1).unwrap();
    local.alloc(1).unwrap();
    arena.alloc(1);
    let mut buffers = [const { [MaybeUninit::uninit(); 4096] }; 3];
    let [first, second, third] = &mut buffers;
    let list = FreeList::new(first, Fit::Best).unwrap();
    let small = Arena::over(second);
    let mut stack = Stack::over(third).unwrap();
    for layout in impossible() {
        // Pieces of no bytes may be at any such address, also at one that no memory is at.
        let bytes = layout.size();
        assert!(heap.alloc_layout(layout).is_err() && local.alloc_layout(layout).is_err(), "{layout:?}");
        assert!(arena.try_alloc_layout(layout).is_none() && small.try_alloc_layout(layout).is_none(), "{layout:?}");
        assert!(list.allocate(layout).is_none(), "{layout:?}");
        assert!(stack.frame(|frame| frame.allocate(layout).is_none()), "{layout:?} {bytes}");
    }
    assert!(heap.alloc_slice_fill(usize::MAX, 1_u64).is_err() && local.alloc_slice_fill(usize::MAX, 1_u64).is_err());
    assert!(heap.alloc_slice_fill(usize::MAX / 8, 1_u64).is_err());
    assert!(arena.try_alloc_slice_fill_with(usize::MAX, |_| 1_u64).is_none());
    assert!(arena.try_alloc_slice_fill_with(usize::MAX / 8, |_| 1_u64).is_none());
    assert_eq!((heap.check(), local.check(), arena.check(), small.check()), (Ok(()), Ok(()), Ok(()), Ok(())));
    assert_eq!((list.check(), stack.check()), (None, None));
}

#[test]
fn slices_of_nothing_are_as_long_as_may_be() {
    let (heap, arena, mut stack) = (Heap::new().unwrap(), Arena::new(), Stack::new(1000).unwrap());
    let nothing = vec![(); usize::MAX];
    assert_eq!(heap.alloc_slice_copy(&nothing).unwrap().len(), usize::MAX);
    assert_eq!(arena.alloc_slice_copy(&nothing).len(), usize::MAX);
    assert_eq!(stack.frame(|frame| frame.copied(&nothing).map(|slice| slice.len())), Some(usize::MAX));
    assert_eq!(heap.alloc_slice_fill(0, 1).unwrap(), &mut []);
}

/// Counts its drops; in some it panics.
struct Watched<'a> {
    drops: &'a Cell<u32>,
    panics: bool,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        assert!(!self.panics, "on purpose");
    }
}

/// No copy of it can be had.
struct Single;

impl Clone for Single {
    fn clone(&self) -> Self {
        panic!("on purpose")
    }
}

#[test]
fn a_panic_in_a_drop_drops_nothing_twice() {
    let drops = Cell::new(0);
    let watched = |panics| Watched { drops: &drops, panics };
    let heap = LocalHeap::new().unwrap();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let list = FreeList::new(&mut buffer, Fit::Best).unwrap();
    let mut pool = Pool::new();
    assert!(panics(|| drop(heap.boxed(watched(true)))));
    assert!(panics(|| drop(list.boxed(watched(true)).ok())));
    assert!(panics(|| drop(pool.alloc(watched(true)))));
    assert_eq!(drops.replace(0), 3);
    let handles: Vec<_> = (0..10).map(|k| pool.insert(watched(k == 5))).collect();
    assert!(panics(|| pool.clear()));
    // Those in front are gone, with the one that panicked; each of the others is there once.
    let left = handles.iter().filter(|&&handle| pool.contains(handle)).count();
    assert_eq!((drops.get() as usize, pool.iter().count()), (10 - left, left));
    assert!(!pool.contains(handles[5]));
    pool.check().unwrap();
    drop(pool);
    assert_eq!(drops.get(), 10);
    assert_eq!((heap.check(), list.check()), (Ok(()), None));
}

#[test]
fn a_panic_while_values_are_made_leaves_all_whole() {
    let drops = Cell::new(0);
    let (heap, mut arena, mut stack) = (Heap::new().unwrap(), Arena::new(), Stack::new(10_000).unwrap());
    let third_panics = |index| {
        assert!(index != 3, "on purpose");
        Watched { drops: &drops, panics: false }
    };
    assert!(panics(|| drop(heap.alloc_slice_fill_with(10, third_panics))));
    assert!(panics(|| drop(heap.alloc_slice_fill(10, Single))));
    assert!(panics(|| _ = arena.alloc_slice_fill_with(10, third_panics)));
    assert!(panics(|| _ = arena.alloc_with(|| panic!("on purpose"))));
    let used = arena.used();
    assert!(panics(|| _ = arena.scope(|scope| scope.alloc_slice_fill_with(10, third_panics).len())));
    assert!(panics(|| stack.frame(|frame| frame.push(third_panics(3)).is_some()).then_some(()).unwrap()));
    assert_eq!((arena.used(), stack.stats().left), (used, stack.stats().bytes));
    // What is made is never dropped.
    assert_eq!(drops.get(), 0);
    assert_eq!((heap.check(), arena.check(), stack.check()), (Ok(()), Ok(()), None));
}

#[test]
fn what_makes_a_value_may_use_the_same_memory() {
    let (heap, arena) = (LocalHeap::new().unwrap(), Arena::new());
    let outer = heap.alloc_slice_fill_with(100, |k| heap.alloc_slice_fill(k, k).unwrap().len()).unwrap();
    assert!(outer.iter().enumerate().all(|(k, len)| k == *len));
    let outer = arena.alloc_slice_fill_with(100, |k| arena.alloc_slice_fill_with(k, |_| k).len());
    assert!(outer.iter().enumerate().all(|(k, len)| k == *len));
    assert_eq!((heap.check(), arena.check()), (Ok(()), Ok(())));
}

#[test]
fn boxes_that_are_forgotten_keep_their_places() {
    let drops = Cell::new(0);
    let watched = || Watched { drops: &drops, panics: false };
    let mut pool = Pool::new();
    let place = {
        let boxed = pool.alloc(watched());
        let place = &raw const *boxed;
        std::mem::forget(boxed);
        place
    };
    pool.insert(watched());
    pool.clear();
    assert_eq!((drops.get(), pool.len()), (1, 1));
    pool.trim();
    let others: Vec<_> = (0..10_000).map(|_| pool.alloc(watched())).collect();
    assert!(others.iter().all(|other| !std::ptr::eq(&raw const **other, place)));
    drop(others);
    pool.check().unwrap();
    drop(pool);
    assert_eq!(drops.get(), 10_001);

    let mut range = vec![0; 10_000];
    let buddy = Buddy::new(&mut range);
    std::mem::forget(buddy.alloc(1000));
    let free = buddy.free_bytes();
    let others: Vec<_> = std::iter::from_fn(|| buddy.alloc(64)).collect();
    assert_eq!((others.len() * 64, buddy.free_bytes()), (free, 0));
    drop(others);
    buddy.check().unwrap();
    drop(buddy);
    range.fill(1);

    let mut heap = Heap::new().unwrap();
    std::mem::forget(heap.boxed(watched()));
    heap.reset();
    assert_eq!((heap.live(), drops.get()), (0, 10_001));
}

/// Leads to the pool that it is in, and takes another place there when it is dropped.
struct Returns<'p> {
    pool: &'p Pool<Returns<'p>>,
    again: u32,
}

impl Drop for Returns<'_> {
    fn drop(&mut self) {
        if self.again > 0 {
            let held = self.pool.alloc(Returns { pool: self.pool, again: self.again - 1 });
            assert_eq!(held.again, self.again - 1);
        }
    }
}

#[test]
fn a_drop_may_come_back_to_the_pool() {
    let pool: &Pool<Returns<'_>> = Box::leak(Box::new(Pool::new()));
    drop(pool.alloc(Returns { pool, again: 100 }));
    assert_eq!((pool.len(), pool.check()), (0, Ok(())));
}

/// Puts another box into the list that it is in, and takes one out, when it is dropped.
struct Swaps<'l, 'b> {
    list: &'l FreeList<'b>,
    other: RefCell<Option<HeapBox<'l, u8>>>,
}

impl Drop for Swaps<'_, '_> {
    fn drop(&mut self) {
        let text = self.list.copied(&[7; 50]).unwrap();
        drop(self.other.take());
        assert_eq!(*text, [7; 50]);
    }
}

#[test]
fn a_drop_may_come_back_to_the_list() {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let (list, heap) = (FreeList::new(&mut buffer, Fit::First).unwrap(), Heap::new().unwrap());
    for _ in 0..10 {
        let other = RefCell::new(heap.boxed(1).ok());
        drop(list.boxed(Swaps { list: &list, other }).ok());
    }
    assert_eq!((list.stats().blocks, list.check(), heap.live(), heap.check()), (0, None, 0, Ok(())));
}

#[test]
fn a_pool_is_visited_while_boxes_come_and_go() {
    let mut pool = Pool::new();
    let handles: Vec<_> = (0..5000_u32).map(|k| pool.insert([k; 20])).collect();
    for handle in handles.iter().step_by(3) {
        pool.remove(*handle);
    }
    let mut boxes = Vec::new();
    let mut seen = Vec::new();
    for (_, value) in &pool {
        // These need more slabs, so all that a visit may keep of the pool moves.
        boxes.extend((0..10).map(|_| pool.alloc([u32::MAX; 20])));
        boxes.truncate(boxes.len() - 3);
        assert!(value.iter().all(|part| *part == value[0]));
        seen.push(value);
    }
    // Slabs stand in any order.
    seen.sort();
    assert!(seen.iter().map(|value| value[0]).eq((0..5000).filter(|k| k % 3 != 0)));
    drop(boxes);
    pool.check().unwrap();
}

#[repr(align(65536))]
struct Wide(u8);

#[test]
fn values_without_bytes_and_wide_ones_are_in_their_places() {
    let is_in_place = |wide: &Wide| (&raw const *wide).addr().is_multiple_of(65536) && wide.0 == 9;
    let (heap, local, arena) = (Heap::new().unwrap(), LocalHeap::new().unwrap(), Arena::new());
    let mut pool = Pool::new();
    assert!(is_in_place(heap.alloc(Wide(9)).unwrap()) && is_in_place(&heap.boxed(Wide(9)).unwrap()));
    assert!(is_in_place(local.alloc(Wide(9)).unwrap()) && is_in_place(&local.boxed(Wide(9)).unwrap()));
    assert!(is_in_place(arena.alloc(Wide(9))) && is_in_place(&pool.alloc(Wide(9))));
    let handle = pool.insert(Wide(9));
    assert!(is_in_place(&pool[handle]));
    let mut stack = Stack::new(200_000).unwrap();
    stack.frame(|frame| assert!(is_in_place(frame.push(Wide(9)).unwrap()) && frame.push_high(()).is_some()));

    let drops = Cell::new(0);
    /// No bytes, and a destructor.
    struct Nothing;
    thread_local!(static DROPS: Cell<u32> = const { Cell::new(0) });
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.set(DROPS.get() + 1);
        }
    }
    drop((heap.boxed(Nothing), local.boxed(Nothing)));
    let mut empties = Pool::new();
    let empty = empties.insert(Nothing);
    drop(empties.alloc(Nothing));
    assert!(empties.remove(empty).is_some() && empties.remove(empty).is_none());
    empties.insert(Nothing);
    drop(empties);
    let mut arena = Arena::new();
    arena.alloc_with_drop(Nothing);
    arena.reset();
    assert_eq!((DROPS.get(), drops.get()), (6, 0));
}

#[test]
fn no_number_is_taken_for_a_handle() {
    let mut pool = Pool::new();
    let handle = pool.insert(Box::new(1));
    let bits = handle.to_bits();
    for other in (0..64).map(|bit| bits ^ 1 << bit) {
        assert!(metes::Handle::from_bits(other).is_none_or(|wrong| pool.get(wrong).is_none()));
    }
    let boxed = pool.alloc(Box::new(2));
    for number in 0..10_000_u64 {
        let wrong = metes::Handle::from_bits(bits & !0xffff_ffff | number).unwrap();
        assert_eq!(pool.get(wrong).is_some(), wrong == handle);
    }
    drop(boxed);
    pool.remove(handle);
    pool.trim();
    assert!(pool.get(handle).is_none());
}
