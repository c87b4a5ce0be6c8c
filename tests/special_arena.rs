//! The safe arena, in a program whose own allocator is metes.

use metes::{Arena, ArenaOptions, ArenaScope};
use std::alloc::Layout;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

struct Tree<'a> {
    number: u64,
    left: Cell<Option<&'a Tree<'a>>>,
    right: Cell<Option<&'a Tree<'a>>>,
}

fn insert<'a>(arena: &'a Arena<'_>, root: &'a Tree<'a>, number: u64) {
    let mut at = root;
    loop {
        let next = if number < at.number { &at.left } else { &at.right };
        match next.get() {
            Some(child) => at = child,
            None => {
                next.set(Some(arena.alloc(Tree { number, left: Cell::default(), right: Cell::default() })));
                return;
            }
        }
    }
}

fn count(tree: Option<&Tree<'_>>) -> usize {
    tree.map_or(0, |tree| 1 + count(tree.left.get()) + count(tree.right.get()))
}

#[test]
fn a_tree_refers_to_itself() {
    let mut arena = Arena::new();
    for _ in 0..3 {
        let root = &*arena.alloc(Tree { number: 1 << 63, left: Cell::default(), right: Cell::default() });
        let mut state = 88172645463325252u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            insert(&arena, root, state);
        }
        assert_eq!(count(Some(root)), 10_001);
        assert!(arena.used() >= 10_001 * size_of::<Tree<'_>>() && arena.owns(root));
        assert_eq!(arena.check(), Ok(()));
        arena.reset();
        assert_eq!(arena.used(), 0);
    }
    assert!(metes::check().is_ok());
}

#[test]
fn values_text_and_slices_are_what_was_put_in() {
    let arena = Arena::new();
    let text = arena.alloc_str("mëtes");
    let bytes = arena.alloc_slice_copy(&[1u8, 2, 3]);
    let squares = arena.alloc_slice_fill_with(100, |k| k * k);
    let made = arena.alloc_with(|| [7u16; 300]);
    let nested = arena.alloc_with(|| arena.alloc_str("inside").len());
    let nothing: &mut [u64] = arena.alloc_slice_copy(&[]);
    arena.alloc(());
    assert_eq!((&*text, &*bytes, squares[99], made[299], *nested), ("mëtes", &[1u8, 2, 3][..], 9801, 7, 6));
    assert!(nothing.is_empty());
    assert_eq!(std::ptr::from_ref(text).addr() + 6, bytes.as_ptr().addr());
    for align in (0..13).map(|bit| 1 << bit) {
        let piece = arena.alloc_layout(Layout::from_size_align(align + 1, align).unwrap());
        assert!(piece.addr().get().is_multiple_of(align));
    }
    let none = arena.alloc_layout(Layout::new::<()>());
    assert_ne!(none, arena.alloc_layout(Layout::new::<()>()));
    assert_eq!(arena.check(), Ok(()));
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn only_what_is_to_be_dropped_is_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut arena = Arena::new();
    for _ in 0..10 {
        arena.alloc_with_drop(Counted(dropped.clone()));
    }
    assert!(arena.try_alloc(Counted(dropped.clone())).is_ok());
    arena.scope(|scope| {
        scope.alloc_with_drop(Counted(dropped.clone()));
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
    });
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    arena.reset();
    assert_eq!(dropped.load(Ordering::Relaxed), 11);
    arena.alloc_with_drop(vec![Counted(dropped.clone())]);
    drop(arena);
    assert_eq!(dropped.load(Ordering::Relaxed), 12);
}

#[test]
fn a_value_comes_back_without_memory() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut buffer = [MaybeUninit::uninit(); 128];
    let arena = Arena::over(&mut buffer);
    assert!(arena.try_alloc([0u8; 200]).is_err() && arena.try_alloc_str(&"x".repeat(200)).is_none());
    let mut count = 0;
    while let Ok(value) = arena.try_alloc_with_drop(Counted(dropped.clone())) {
        assert!(arena.owns(value));
        count += 1;
    }
    assert!(count > 0);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    assert_eq!(arena.check(), Ok(()));
    drop(arena);
    assert_eq!(dropped.load(Ordering::Relaxed), 1 + count);
}

fn deep(scope: &mut ArenaScope<'_>, depth: u64) -> u64 {
    let before = scope.used();
    let own = scope.alloc(depth);
    let below = if depth == 0 { 0 } else { scope.scope(|inner| deep(inner, depth - 1)) };
    let large = scope.alloc_slice_fill_with(2000, |k| k as u64);
    assert!(scope.used() > before && large[1999] == 1999);
    *own + below
}

#[test]
fn scopes_nest_and_take_back_what_was_in_them() {
    let mut arena = Arena::new();
    arena.alloc(1u8);
    let used = arena.used();
    for _ in 0..3 {
        assert_eq!(arena.scope(|scope| deep(scope, 50)), 50 * 51 / 2);
        assert_eq!(arena.used(), used);
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        arena.scope(|scope| {
            scope.alloc([0u8; 10_000]);
            panic!("inside");
        })
    }));
    assert!(panicked.is_err() && arena.used() == used);
    assert_eq!(arena.check(), Ok(()));
}

#[test]
fn a_reset_keeps_the_memory_and_a_limit_holds() {
    let options = ArenaOptions { limit: 100_000, ..ArenaOptions::default() };
    let mut arena = Arena::with_options(options).unwrap();
    let fill = |arena: &Arena| (0..).take_while(|&k| arena.try_alloc([k; 20]).is_ok()).count();
    let all = fill(&arena);
    assert!(all * 80 > 95_000 && arena.held() <= 100_000);
    let requests = arena.stats().requests;
    for _ in 0..5 {
        arena.reset();
        assert_eq!(fill(&arena), all);
    }
    assert_eq!(arena.stats().requests, requests);
    arena.reset();
    assert!(arena.trim() > 95_000 && arena.held() == 0);
    assert!(Arena::with_options(ArenaOptions { limit: 1, ..options }).is_none());
}

#[test]
#[should_panic(expected = "no memory for 1000 bytes in the arena")]
fn without_memory_it_panics() {
    Arena::over(&mut []).alloc([0u8; 1000]);
}

#[test]
fn an_arena_goes_to_another_thread() {
    let mut arena = Arena::new();
    for round in 0..10 {
        arena.alloc(round);
        arena = thread::spawn(move || {
            (0..10_000).for_each(|k| assert_eq!(*arena.alloc(k), k));
            arena
        })
        .join()
        .unwrap();
        assert_eq!(arena.check(), Ok(()));
    }
    assert!(arena.used() > 10 * 40_000);
}
