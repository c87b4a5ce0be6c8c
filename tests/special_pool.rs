//! Pools of a Rust program, on metes.

use metes::{Handle, Pool, PoolBox};
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

/// Counts how many of its kind there are.
struct Counted(Rc<Cell<usize>>, u64);

impl Counted {
    fn new(count: &Rc<Cell<usize>>, value: u64) -> Self {
        count.set(count.get() + 1);
        Self(count.clone(), value)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn boxes_drop_their_values_and_return_their_places() {
    let count = Rc::new(Cell::new(0));
    let pool = Pool::new();
    let first = pool.alloc(Counted::new(&count, 1));
    let place = &raw const *first;
    let mut boxes: Vec<_> = (0..5000).map(|value| pool.alloc(Counted::new(&count, value))).collect();
    boxes.iter_mut().for_each(|counted| counted.1 *= 2);
    assert!((0..).zip(&boxes).all(|(value, counted): (u64, _)| counted.1 == 2 * value));
    assert_eq!((pool.len(), count.get()), (5001, 5001));
    drop(first);
    let again = pool.alloc(Counted::new(&count, 7));
    assert_eq!(&raw const *again, place, "the lowest place");
    let inner = again.into_inner();
    assert_eq!((inner.1, count.get(), pool.len()), (7, 5001, 5000));
    drop(inner);
    drop(boxes);
    assert_eq!((pool.len(), count.get(), pool.check()), (0, 0, Ok(())));
}

#[test]
fn handles_agree_with_a_map() {
    let mut pool = Pool::new();
    let mut map: HashMap<Handle<u64>, u64> = HashMap::new();
    let mut gone = Vec::new();
    let mut state = 1u64;
    for step in 0..200_000u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 0 || map.is_empty() {
            assert_eq!(map.insert(pool.insert(step), step), None);
        } else {
            let handle = *map.keys().next().unwrap();
            assert_eq!(pool.remove(handle), map.remove(&handle));
            gone.push(handle);
        }
        if step % 50_000 == 0 {
            pool.trim();
            assert_eq!(pool.check(), Ok(()));
        }
    }
    assert!(
        gone.iter()
            .all(|&handle| pool.get(handle).is_none() && !pool.contains(handle) && pool.remove(handle).is_none())
    );
    assert!(map.iter().all(|(&handle, value)| pool.get(handle) == Some(value)));
    assert_eq!(pool.iter().map(|(handle, &value)| (handle, value)).collect::<HashMap<_, _>>(), map);
    pool.iter_mut().for_each(|(_, value)| *value += 1);
    assert!(map.iter().all(|(&handle, value)| pool[handle] == value + 1));
    pool.retain(|_, value| *value % 2 == 0);
    assert_eq!(pool.len(), map.values().filter(|&value| value % 2 != 0).count());
    pool.clear();
    assert!(pool.is_empty() && pool.trim() > 0 && map.keys().all(|&handle| !pool.contains(handle)));
}

#[test]
fn a_stale_handle_leads_to_nothing_even_in_a_new_slab() {
    let mut pool = Pool::new();
    let first = pool.insert(1);
    assert_eq!((pool.remove(first), pool.remove(first)), (Some(1), None));
    let second = pool.insert(2);
    assert!(first != second && pool.get(first).is_none() && pool.get_mut(second) == Some(&mut 2));
    pool.clear();
    pool.trim();
    assert!(pool.get(second).is_none());
    let third = pool.insert(3);
    assert!(pool.get(second).is_none() && pool[third] == 3);
    assert_eq!(Handle::from_bits(third.to_bits()), Some(third));
    assert!(Handle::<i32>::from_bits(7).is_none() && size_of::<Option<Handle<i32>>>() == 8);
    // Of another pool.
    assert!(Pool::<i32>::new().get(third).is_none());
}

#[test]
fn a_pool_drops_what_is_left_and_leaves_what_was_forgotten() {
    let count = Rc::new(Cell::new(0));
    let mut pool = Pool::with_capacity(100);
    let handles: Vec<_> = (0..1000).map(|value| pool.insert(Counted::new(&count, value))).collect();
    pool.remove(handles[5]);
    assert_eq!(count.get(), 999);
    std::mem::forget(pool.alloc(Counted::new(&count, 0)));
    assert_eq!((pool.len(), pool.iter().count()), (1000, 999));
    drop(pool);
    assert_eq!(count.get(), 1, "the forgotten one");
}

#[test]
fn a_limit_is_kept_and_the_value_comes_back() {
    let mut pool = Pool::with_limit(2);
    let handle = pool.insert(String::from("a"));
    pool.insert(String::from("b"));
    assert_eq!(pool.try_insert(String::from("c")), Err(String::from("c")));
    assert_eq!(pool.try_alloc(String::from("c")).map(PoolBox::into_inner), Err(String::from("c")));
    pool.remove(handle);
    assert!(pool.try_alloc(String::from("c")).is_ok());
}

#[test]
fn values_of_any_shape() {
    #[repr(align(256))]
    struct Wide(u8);
    let (nothing, wide, large) = (Pool::new(), Pool::new(), Pool::new());
    let nothings: Vec<_> = (0..1000).map(|_| nothing.alloc(())).collect();
    let wides: Vec<_> = (0..100).map(|value| wide.alloc(Wide(value))).collect();
    let larges: Vec<_> = (0..20u8).map(|value| large.alloc([value; 100_000])).collect();
    assert_eq!(nothing.len(), nothings.len());
    assert!((0..).zip(&wides).all(|(value, wide)| wide.0 == value && (&raw const **wide).addr() % 256 == 0));
    assert!((0..).zip(&larges).all(|(value, large): (u8, _)| large.iter().all(|&byte| byte == value)));
}

#[test]
fn a_box_may_use_its_pool_when_it_is_dropped() {
    struct Nested<'a>(&'a Pool<u32>, Option<PoolBox<'a, u32>>);
    impl Drop for Nested<'_> {
        fn drop(&mut self) {
            self.1 = Some(self.0.alloc(9));
        }
    }
    let inner = Pool::new();
    let outer = Pool::new();
    drop(outer.alloc(Nested(&inner, Some(inner.alloc(1)))));
    assert!(inner.is_empty() && outer.is_empty());
}

#[test]
fn a_pool_goes_to_another_thread() {
    let mut pool = Pool::new();
    let handle = pool.insert(vec![1, 2, 3]);
    let pool = std::thread::spawn(move || {
        pool[handle].push(4);
        pool
    });
    assert_eq!(pool.join().unwrap()[handle], [1, 2, 3, 4]);
}
