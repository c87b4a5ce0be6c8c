//! The index of free blocks: an AVL tree whose nodes are where `Nodes` keeps them. In production they
//! are in the free blocks themselves, in the tests in an array. Every node has a summary of its
//! subtree: the largest size and the height. So one walk down finds the lowest place that fits, and one
//! loop, `retrace`, repairs balance and summaries after any change.
//!
//! ```text
//!               [48 | largest 4096, height 3]
//!              /                             \
//!     [64 | 64, 1]                 [4096 | 4096, 2]
//!                                              \
//!                                          [32 | 32, 1]
//! ```
//!
//! With keys by address and a search for the leftmost fit, this is what Linux does for kernel address
//! ranges (`mm/vmalloc.c`, `find_vmap_lowest_match`). A node that moves or changes size without passing
//! a neighbour keeps its place. `replace` and `resize` handle it and leave the balance alone. Splits
//! and merges of blocks are mostly such changes.
//!
//! Nodes may be in memory that a program can write to. No walk takes more steps than a tree can be high
//! (`Steps`), and none follows a missing link. Such walks end in `Nodes::astray`.

/// No node.
pub const NONE: usize = 0;

/// What a node knows about the subtree of which it is the root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// The largest size in the subtree.
    pub largest: u32,
    /// Nodes on the longest way down, at most 1.44 log2(n). Fits in 6 bits.
    pub height: u8,
}

const EMPTY: Summary = Summary { largest: 0, height: 0 };

/// The storage of nodes. A number other than `NONE` names a node.
pub trait Nodes {
    /// The node's own size.
    fn size(&self, node: usize) -> u32;
    /// The child with smaller keys.
    fn left(&self, node: usize) -> usize;
    /// The child with larger keys.
    fn right(&self, node: usize) -> usize;
    /// The parent.
    fn parent(&self, node: usize) -> usize;
    /// The stored summary.
    fn summary(&self, node: usize) -> Summary;
    /// Stores the child with smaller keys.
    fn set_left(&self, node: usize, child: usize);
    /// Stores the child with larger keys.
    fn set_right(&self, node: usize, child: usize);
    /// Stores the parent.
    fn set_parent(&self, node: usize, parent: usize);
    /// Stores the summary.
    fn set_summary(&self, node: usize, summary: Summary);
    /// Called when a walk takes more steps to `node` than any tree is high, or ends at `node` where it
    /// cannot end. Then the links or summaries are not those that were stored.
    fn astray(&self, node: usize) -> !;
}

/// The number of steps that a walk may still take.
struct Steps(u8);

impl Steps {
    /// As many steps as a height of 6 bits allows.
    const fn new() -> Self {
        Self(1 << 6)
    }

    /// Counts a step to a node.
    #[inline]
    fn step(&mut self, nodes: &impl Nodes, node: usize) {
        if self.0 == 0 {
            nodes.astray(node);
        }
        self.0 -= 1;
    }
}

/// The tree. It holds only its root; all else is in the nodes.
#[derive(Default)]
#[repr(transparent)]
pub struct Tree {
    root: usize,
}

impl Tree {
    /// An empty tree.
    pub const fn new() -> Self {
        Self { root: NONE }
    }

    /// The tree whose root was kept elsewhere.
    pub const fn from_root(root: usize) -> Self {
        Self { root }
    }

    /// The root, or `NONE`.
    pub fn root(&self) -> usize {
        self.root
    }

    /// The largest size in the tree, or 0 if it is empty.
    pub fn largest(&self, nodes: &impl Nodes) -> u32 {
        summary(nodes, self.root).largest
    }

    /// The first node in key order whose size is at least `need`, which is not 0. In a tree keyed by
    /// address it has the lowest address.
    pub fn first_fit(&self, nodes: &impl Nodes, need: u32) -> Option<usize> {
        debug_assert!(need != 0);
        if self.root == NONE || nodes.summary(self.root).largest < need {
            return None;
        }
        Some(first_fit_below(nodes, self.root, need))
    }

    /// The first node after `node` in key order whose size is at least `need`, which is not 0; or `NONE`.
    pub fn next_fit(&self, nodes: &impl Nodes, mut node: usize, need: u32) -> usize {
        let mut steps = Steps::new();
        loop {
            let right = nodes.right(node);
            if right != NONE && nodes.summary(right).largest >= need {
                return first_fit_below(nodes, right, need);
            }
            // Go up past all nodes whose right subtree this is.
            let mut parent = nodes.parent(node);
            while parent != NONE && nodes.right(parent) == node {
                steps.step(nodes, parent);
                (node, parent) = (parent, nodes.parent(parent));
            }
            if parent == NONE || nodes.size(parent) >= need {
                return parent;
            }
            steps.step(nodes, parent);
            node = parent;
        }
    }

    /// The node before `node` in key order, or `NONE`.
    pub fn before<N: Nodes>(&self, nodes: &N, node: usize) -> usize {
        neighbour(nodes, node, N::left, N::right)
    }

    /// The node after `node` in key order, or `NONE`.
    pub fn after<N: Nodes>(&self, nodes: &N, node: usize) -> usize {
        neighbour(nodes, node, N::right, N::left)
    }

    /// The first node in key order for which `is_behind` is true, or `NONE`. It must be true for all
    /// nodes after that one, too.
    pub fn first_behind(&self, nodes: &impl Nodes, is_behind: impl Fn(usize) -> bool) -> usize {
        let (mut node, mut found, mut steps) = (self.root, NONE, Steps::new());
        while node != NONE {
            steps.step(nodes, node);
            (node, found) = if is_behind(node) { (nodes.left(node), node) } else { (nodes.right(node), found) };
        }
        found
    }

    /// The last node in key order.
    pub fn highest(&self, nodes: &impl Nodes) -> Option<usize> {
        let (mut node, mut steps) = (self.root, Steps::new());
        while node != NONE && nodes.right(node) != NONE {
            steps.step(nodes, node);
            node = nodes.right(node);
        }
        (node != NONE).then_some(node)
    }

    /// The node with the smallest size that is at least `need`, in a tree keyed by (size, address).
    pub fn best_fit(&self, nodes: &impl Nodes, need: u32) -> Option<usize> {
        let (mut node, mut found, mut steps) = (self.root, None, Steps::new());
        while node != NONE {
            steps.step(nodes, node);
            if nodes.size(node) >= need {
                found = Some(node);
                node = nodes.left(node);
            } else {
                node = nodes.right(node);
            }
        }
        found
    }

    /// The first node in key order with the largest size in the tree, if that is at least `need`.
    pub fn worst_fit(&self, nodes: &impl Nodes, need: u32) -> Option<usize> {
        let largest = self.largest(nodes);
        if largest < need { None } else { self.first_fit(nodes, largest) }
    }

    /// Adds `node`. `goes_before(other)` says whether its key is below that of `other`.
    pub fn insert(&mut self, nodes: &impl Nodes, node: usize, goes_before: impl Fn(usize) -> bool) {
        let (mut parent, mut below, mut is_left, mut steps) = (NONE, self.root, false, Steps::new());
        while below != NONE {
            steps.step(nodes, below);
            parent = below;
            is_left = goes_before(below);
            below = if is_left { nodes.left(below) } else { nodes.right(below) };
        }
        nodes.set_left(node, NONE);
        nodes.set_right(node, NONE);
        nodes.set_parent(node, parent);
        nodes.set_summary(node, Summary { largest: nodes.size(node), height: 1 });
        match (parent, is_left) {
            (NONE, _) => self.root = node,
            (_, true) => nodes.set_left(parent, node),
            (_, false) => nodes.set_right(parent, node),
        }
        self.retrace(nodes, parent);
    }

    /// Removes `node`.
    pub fn remove(&mut self, nodes: &impl Nodes, node: usize) {
        let (left, right, parent) = (nodes.left(node), nodes.right(node), nodes.parent(node));
        if left == NONE || right == NONE {
            let child = if left == NONE { right } else { left };
            self.put_below(nodes, parent, node, child);
            self.retrace(nodes, parent);
            return;
        }
        // The node has two children. Its successor, which has no left child, takes its place.
        let heir = leftmost(nodes, right);
        let heir_parent = nodes.parent(heir);
        if heir_parent != node {
            self.put_below(nodes, heir_parent, heir, nodes.right(heir));
            nodes.set_right(heir, right);
            nodes.set_parent(right, heir);
        }
        nodes.set_left(heir, left);
        nodes.set_parent(left, heir);
        nodes.set_summary(heir, nodes.summary(node));
        self.put_below(nodes, parent, node, heir);
        if heir_parent != node {
            self.retrace(nodes, heir_parent);
        }
        // The first `retrace` may have ended below the heir, whose own size is new at this place.
        self.retrace(nodes, heir);
    }

    /// Puts `new` in the place of `old`. Both keys must compare alike to all others. The sizes may differ.
    pub fn replace(&mut self, nodes: &impl Nodes, old: usize, new: usize) {
        let (left, right, parent) = (nodes.left(old), nodes.right(old), nodes.parent(old));
        let summary = nodes.summary(old);
        nodes.set_left(new, left);
        nodes.set_right(new, right);
        if left != NONE {
            nodes.set_parent(left, new);
        }
        if right != NONE {
            nodes.set_parent(right, new);
        }
        nodes.set_summary(new, summary);
        self.put_below(nodes, parent, old, new);
        self.retrace(nodes, new);
    }

    /// Updates the tree after the size of `node` changed without a change of its place in the order.
    pub fn resize(&mut self, nodes: &impl Nodes, node: usize) {
        self.retrace(nodes, node);
    }

    /// Makes `child`, or `NONE`, the child of `parent` in place of `old`.
    fn put_below(&mut self, nodes: &impl Nodes, parent: usize, old: usize, child: usize) {
        if parent == NONE {
            self.root = child;
        } else if nodes.left(parent) == old {
            nodes.set_left(parent, child);
        } else {
            nodes.set_right(parent, child);
        }
        if child != NONE {
            nodes.set_parent(child, parent);
        }
    }

    /// Walks up from `node` and repairs balance and summaries. It stops where a subtree's summary stays
    /// the same, because the nodes above depend on nothing else.
    fn retrace(&mut self, nodes: &impl Nodes, mut node: usize) {
        let mut steps = Steps::new();
        while node != NONE {
            steps.step(nodes, node);
            let before = nodes.summary(node);
            let (left, right) = (nodes.left(node), nodes.right(node));
            let (low, high) = (summary(nodes, left), summary(nodes, right));
            if low.height.abs_diff(high.height) > 1 {
                node = self.rebalance(nodes, node, left, right, low.height > high.height);
                if nodes.summary(node) == before {
                    return;
                }
            } else {
                let new = expected(nodes.size(node), low, high);
                if new == before {
                    return;
                }
                nodes.set_summary(node, new);
            }
            node = nodes.parent(node);
        }
    }

    /// Rotates a subtree whose sides differ by two, and returns its new root.
    fn rebalance(&mut self, nodes: &impl Nodes, node: usize, left: usize, right: usize, leans_left: bool) -> usize {
        let height = |node| summary(nodes, node).height;
        if leans_left {
            if height(nodes.left(left)) < height(nodes.right(left)) {
                self.rotate_left(nodes, left);
            }
            self.rotate_right(nodes, node)
        } else {
            if height(nodes.right(right)) < height(nodes.left(right)) {
                self.rotate_right(nodes, right);
            }
            self.rotate_left(nodes, node)
        }
    }

    fn rotate_left(&mut self, nodes: &impl Nodes, node: usize) -> usize {
        let top = nodes.right(node);
        let middle = nodes.left(top);
        self.put_below(nodes, nodes.parent(node), node, top);
        nodes.set_right(node, middle);
        if middle != NONE {
            nodes.set_parent(middle, node);
        }
        nodes.set_left(top, node);
        nodes.set_parent(node, top);
        sum_up(nodes, node);
        sum_up(nodes, top);
        top
    }

    fn rotate_right(&mut self, nodes: &impl Nodes, node: usize) -> usize {
        let top = nodes.left(node);
        let middle = nodes.right(top);
        self.put_below(nodes, nodes.parent(node), node, top);
        nodes.set_left(node, middle);
        if middle != NONE {
            nodes.set_parent(middle, node);
        }
        nodes.set_right(top, node);
        nodes.set_parent(node, top);
        sum_up(nodes, node);
        sum_up(nodes, top);
        top
    }
}

#[inline]
fn summary(nodes: &impl Nodes, node: usize) -> Summary {
    if node == NONE { EMPTY } else { nodes.summary(node) }
}

/// The summary that `node` must have, given its size and its children's summaries.
pub fn expected(size: u32, left: Summary, right: Summary) -> Summary {
    Summary { largest: size.max(left.largest).max(right.largest), height: 1 + left.height.max(right.height) }
}

fn sum_up(nodes: &impl Nodes, node: usize) {
    let (left, right) = (summary(nodes, nodes.left(node)), summary(nodes, nodes.right(node)));
    let new = expected(nodes.size(node), left, right);
    if nodes.summary(node) != new {
        nodes.set_summary(node, new);
    }
}

/// The first node of the subtree of `node` that fits. The summary of `node` says that there is one.
fn first_fit_below(nodes: &impl Nodes, mut node: usize, need: u32) -> usize {
    let mut steps = Steps::new();
    loop {
        steps.step(nodes, node);
        let left = nodes.left(node);
        if summary(nodes, left).largest >= need {
            node = left;
        } else if nodes.size(node) >= need {
            return node;
        } else {
            // The summary says that a node to the right fits.
            match nodes.right(node) {
                NONE => nodes.astray(node),
                right => node = right,
            }
        }
    }
}

/// The next node in key order on the side that `near` leads to, or `NONE`; `far` leads to the other side.
#[inline]
fn neighbour<N: Nodes>(
    nodes: &N,
    mut node: usize,
    near: impl Fn(&N, usize) -> usize,
    far: impl Fn(&N, usize) -> usize,
) -> usize {
    let mut steps = Steps::new();
    let mut below = near(nodes, node);
    if below != NONE {
        while let next @ 1.. = far(nodes, below) {
            steps.step(nodes, next);
            below = next;
        }
        return below;
    }
    // Go up past all nodes on whose `near` side this is.
    let mut parent = nodes.parent(node);
    while parent != NONE && near(nodes, parent) == node {
        steps.step(nodes, parent);
        (node, parent) = (parent, nodes.parent(parent));
    }
    parent
}

fn leftmost(nodes: &impl Nodes, mut node: usize) -> usize {
    let mut steps = Steps::new();
    loop {
        steps.step(nodes, node);
        match nodes.left(node) {
            NONE => return node,
            left => node = left,
        }
    }
}

#[cfg(test)]
mod tests;
