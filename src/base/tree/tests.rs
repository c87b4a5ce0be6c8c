//! Tests of the tree over an array. A node is an index, and its key is the index itself or (size, index).

use super::*;
use core::cell::Cell;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

#[derive(Clone, Default)]
struct Slot {
    size: Cell<u32>,
    left: Cell<usize>,
    right: Cell<usize>,
    parent: Cell<usize>,
    summary: Cell<Option<Summary>>,
}

struct Slots(Vec<Slot>);

impl Nodes for Slots {
    fn size(&self, n: usize) -> u32 {
        self.0[n].size.get()
    }
    fn left(&self, n: usize) -> usize {
        self.0[n].left.get()
    }
    fn right(&self, n: usize) -> usize {
        self.0[n].right.get()
    }
    fn parent(&self, n: usize) -> usize {
        self.0[n].parent.get()
    }
    fn summary(&self, n: usize) -> Summary {
        self.0[n].summary.get().expect("a summary was read before it was written")
    }
    fn set_left(&self, n: usize, child: usize) {
        self.0[n].left.set(child);
    }
    fn set_right(&self, n: usize, child: usize) {
        self.0[n].right.set(child);
    }
    fn set_parent(&self, n: usize, parent: usize) {
        self.0[n].parent.set(parent);
    }
    fn set_summary(&self, n: usize, summary: Summary) {
        self.0[n].summary.set(Some(summary));
    }
    fn astray(&self, n: usize) -> ! {
        panic!("astray at {n}")
    }
}

/// Checks that a walk ends on three nodes whose links form a circle, as a program may have written them.
fn ends(walk: impl Fn(&mut Tree, &Slots) + std::panic::RefUnwindSafe) {
    for (left, right) in [(0, 1), (1, 0), (1, 1)] {
        let slots = Slots(vec![Slot::default(); 5]);
        let next = |n: usize, yes: usize| if yes == 1 { n % 3 + 1 } else { NONE };
        for n in 1..=4 {
            slots.0[n].size.set(if n == 4 { 9 } else { 5 });
            slots.set_left(n, next(n, left));
            slots.set_right(n, next(n, right));
            slots.set_parent(n, (n + 1) % 3 + 1);
            slots.set_summary(n, Summary { largest: 50, height: 1 });
        }
        let slots = std::panic::AssertUnwindSafe(slots);
        let said = std::panic::catch_unwind(|| walk(&mut Tree { root: 1 }, &slots));
        let said = said.map_err(|what| what.downcast_ref::<std::string::String>().cloned().unwrap_or_default());
        assert!(said.as_ref().map_or_else(|what| what.starts_with("astray"), |()| true), "{said:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "safe code, and dozens of panics")]
fn links_in_a_circle_end_every_walk() {
    ends(|tree, slots| {
        tree.first_fit(slots, 50);
    });
    ends(|tree, slots| {
        tree.next_fit(slots, 1, 50);
    });
    ends(|tree, slots| {
        tree.before(slots, 2);
    });
    ends(|tree, slots| {
        tree.after(slots, 2);
    });
    ends(|tree, slots| {
        tree.best_fit(slots, 5);
        tree.best_fit(slots, 50);
    });
    ends(|tree, slots| {
        tree.best_fit(slots, 50);
    });
    ends(|tree, slots| {
        tree.worst_fit(slots, 1);
    });
    ends(|tree, slots| {
        tree.first_behind(slots, |_| true);
    });
    ends(|tree, slots| {
        tree.first_behind(slots, |_| false);
    });
    ends(|tree, slots| {
        tree.highest(slots);
    });
    ends(|tree, slots| tree.insert(slots, 4, |_| true));
    ends(|tree, slots| tree.insert(slots, 4, |_| false));
    ends(|tree, slots| tree.remove(slots, 2));
    ends(|tree, slots| tree.replace(slots, 2, 4));
    ends(|tree, slots| tree.resize(slots, 2));
}

#[test]
#[should_panic(expected = "astray at 1")]
fn a_summary_that_promises_too_much_ends_the_walk() {
    let slots = Slots(vec![Slot::default(); 2]);
    let mut tree = Tree::new();
    slots.0[1].size.set(5);
    tree.insert(&slots, 1, |_| true);
    slots.set_summary(1, Summary { largest: 50, height: 1 });
    tree.first_fit(&slots, 50);
}

/// Checks links, order, balance and summaries of the subtree of `node`. Returns its summary and appends
/// its nodes in order.
fn validate(slots: &Slots, node: usize, parent: usize, order: &mut Vec<usize>) -> Summary {
    if node == NONE {
        return EMPTY;
    }
    assert_eq!(slots.parent(node), parent);
    let left = validate(slots, slots.left(node), node, order);
    order.push(node);
    let right = validate(slots, slots.right(node), node, order);
    assert!(left.height.abs_diff(right.height) <= 1, "node {node} leans");
    let sum = slots.summary(node);
    assert_eq!(sum, expected(slots.size(node), left, right));
    sum
}

fn check(tree: &Tree, slots: &Slots, model: &BTreeMap<(u32, usize), u32>) {
    let mut order = Vec::new();
    validate(slots, tree.root(), NONE, &mut order);
    let expected: Vec<usize> = model.keys().map(|key| key.1).collect();
    assert_eq!(order, expected);
    for (place, &node) in order.iter().enumerate() {
        assert_eq!(tree.before(slots, node), if place == 0 { NONE } else { order[place - 1] });
        assert_eq!(tree.after(slots, node), order.get(place + 1).copied().unwrap_or(NONE));
    }
    for need in [1, 20, 60] {
        let mut walked = Vec::new();
        let mut node = tree.first_fit(slots, need).unwrap_or(NONE);
        while node != NONE {
            walked.push(node);
            node = tree.next_fit(slots, node, need);
        }
        let fitting: Vec<usize> = expected.iter().copied().filter(|&n| slots.size(n) >= need).collect();
        assert_eq!(walked, fitting);
    }
}

const SLOTS: usize = 96;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]
    #[test]
    fn agrees_with_a_map(by_size in any::<bool>(), steps in prop::collection::vec((1..SLOTS, 1u32..64, 0u8..4),
                                                                                 1..if cfg!(miri) { 40 } else { 400 })) {
        let slots = Slots(vec![Slot::default(); SLOTS]);
        let mut tree = Tree::new();
        let mut model = BTreeMap::new();
        let key = |slots: &Slots, n: usize| (if by_size { slots.size(n) } else { 0 }, n);
        for (n, size, what) in steps {
            let inside = model.contains_key(&key(&slots, n));
            match (inside, what) {
                (false, _) => {
                    slots.0[n].size.set(size);
                    tree.insert(&slots, n, |other| key(&slots, n) < key(&slots, other));
                    model.insert(key(&slots, n), size);
                }
                (true, 0) if !by_size => {
                    slots.0[n].size.set(size);
                    tree.resize(&slots, n);
                    model.insert(key(&slots, n), size);
                }
                (true, 1) if !by_size && n + 1 < SLOTS && !model.contains_key(&(0, n + 1)) => {
                    slots.0[n + 1].size.set(size);
                    tree.replace(&slots, n, n + 1);
                    model.remove(&(0, n));
                    model.insert((0, n + 1), size);
                }
                (true, _) => {
                    tree.remove(&slots, n);
                    model.remove(&key(&slots, n));
                }
            }
            check(&tree, &slots, &model);
            let sizes = || model.iter().map(|(key, &size)| (size, key.1));
            let fit = tree.first_fit(&slots, size);
            prop_assert_eq!(fit, sizes().find(|s| s.0 >= size).map(|s| s.1));
            let largest = sizes().map(|s| s.0).max().unwrap_or(0);
            prop_assert_eq!(tree.largest(&slots), largest);
            let worst = sizes().find(|s| s.0 == largest && largest >= size).map(|s| s.1);
            prop_assert_eq!(tree.worst_fit(&slots, size), worst);
            if by_size {
                prop_assert_eq!(tree.best_fit(&slots, size), sizes().find(|s| s.0 >= size).map(|s| s.1));
            }
        }
    }
}

#[test]
fn stays_flat_when_filled_in_order() {
    let n = if cfg!(miri) { 300 } else { 100_000 };
    let slots = Slots(vec![Slot::default(); n + 1]);
    let mut tree = Tree::new();
    for i in 1..=n {
        slots.0[i].size.set(1);
        tree.insert(&slots, i, |other| i < other);
    }
    let height = f64::from(slots.summary(tree.root()).height);
    assert!(height <= 1.45 * (n as f64 + 2.0).log2(), "height {height} for {n} nodes");
}
