//! What `shared` is in models, which run under loom. Each use of a word is reported to loom, by the word's address.
//!
//! loom's atomics are large, cannot be in statics, and are not valid as zeroed memory. So the words
//! keep their layout, and a table holds a loom atomic for each. A word's memory holds its initial value
//! and is never written to, so statics start fresh in every run of a model.
//!
//! The first thread of a run makes all loom atomics at its start, so the first use of a word orders nothing. The
//! threads of a model take turns on one system thread. So the table needs no lock, but no thread may hold it
//! while loom switches threads. Memory that is given back and taken again in the same run finds its old words.

#![allow(unsafe_code)]
#![allow(missing_docs)]

use core::cell::{Cell, RefCell, UnsafeCell};
use core::sync::atomic::Ordering;
use std::collections::HashMap;
use std::rc::Rc;
use std::vec::Vec;

/// The most words that a run may use.
const WORDS: usize = 800;

/// Runs `f` in every order of threads that makes a difference. A bound limits this to the orders with
/// at most so many preemptions.
pub fn model(preemptions: impl Into<Option<usize>>, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into();
    builder.max_branches = 10_000;
    builder.check(move || {
        let unused = (0..WORDS).map(|_| Rc::default()).collect();
        TABLE.set(Table { unused, used: HashMap::new() });
        f();
    });
}

#[derive(Default)]
struct Word {
    /// The sum of the changes to the word since the start.
    change: loom::sync::atomic::AtomicU64,
    /// Each use first adds zero to this, relaxed, which orders nothing. loom tries other orders only for the last
    /// use of an atomic, and it forgets a load that another load follows. It forgets none of these additions.
    turn: loom::sync::atomic::AtomicU64,
    start: Cell<u64>,
    /// For an `Unshared`: finds uses that no order keeps apart.
    uses: loom::cell::UnsafeCell<()>,
}

#[derive(Default)]
struct Table {
    unused: Vec<Rc<Word>>,
    used: HashMap<usize, Rc<Word>>,
}

std::thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

fn word(address: usize, start: u64) -> Rc<Word> {
    TABLE.with_borrow_mut(|Table { unused, used }| {
        let new = || {
            let word = unused.pop().expect("in a model, with fewer than WORDS words");
            word.start.set(start);
            word
        };
        used.entry(address).or_insert_with(new).clone()
    })
}

/// Reports that an `Unshared` is read. Small ones in the same eight bytes count as one.
#[track_caller]
pub fn read(address: usize) {
    word(address & !7, 0).uses.with(|_| ());
}

/// Reports that an `Unshared` is written.
#[track_caller]
pub fn written(address: usize) {
    word(address & !7, 0).uses.with_mut(|_| ());
}

/// A full fence. In models the fast side of `light_fence` is one.
pub fn fence() {
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// The slow side of `light_fence`.
pub fn barrier() -> bool {
    fence();
    true
}

/// The types that an atomic may hold.
pub trait Value: Copy {
    fn bits(self) -> u64;
    fn of(bits: u64) -> Self;
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(#[allow(clippy::cast_sign_loss, clippy::cast_possible_wrap)]
        impl Value for $type {
            fn bits(self) -> u64 {
                self as u64
            }
            fn of(bits: u64) -> Self {
                bits as Self
            }
        })*
    };
}

integers!(i64, u8, u16, u32, u64, usize);

impl Value for bool {
    fn bits(self) -> u64 {
        self.into()
    }
    fn of(bits: u64) -> Self {
        bits != 0
    }
}

impl<T> Value for *mut T {
    fn bits(self) -> u64 {
        self.expose_provenance() as u64
    }
    fn of(bits: u64) -> Self {
        core::ptr::with_exposed_provenance_mut(bits as usize)
    }
}

/// An atomic word with the functions of `core`'s atomics.
#[repr(transparent)]
#[derive(Default)]
pub struct Atomic<T>(UnsafeCell<T>);

pub type AtomicBool = Atomic<bool>;
pub type AtomicI64 = Atomic<i64>;
pub type AtomicU8 = Atomic<u8>;
pub type AtomicU16 = Atomic<u16>;
pub type AtomicU32 = Atomic<u32>;
pub type AtomicU64 = Atomic<u64>;
pub type AtomicUsize = Atomic<usize>;
pub type AtomicPtr<T> = Atomic<*mut T>;

// SAFETY: the memory is only read.
unsafe impl<T> Sync for Atomic<T> {}

impl<T: Value> Atomic<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Applies `f` to the word's change. The second argument of `f` turns a value into a change.
    #[track_caller]
    fn with(&self, f: impl FnOnce(&loom::sync::atomic::AtomicU64, &dyn Fn(T) -> u64) -> u64) -> T {
        // SAFETY: the memory is never written to.
        let word = word(self.0.get().addr(), unsafe { *self.0.get() }.bits());
        word.turn.fetch_add(0, Ordering::Relaxed);
        let start = word.start.get();
        T::of(f(&word.change, &|value| value.bits().wrapping_sub(start)).wrapping_add(start))
    }

    #[track_caller]
    pub fn load(&self, order: Ordering) -> T {
        self.with(|word, _| word.load(order))
    }

    #[track_caller]
    pub fn store(&self, value: T, order: Ordering) {
        self.with(|word, change| {
            word.store(change(value), order);
            0
        });
    }

    #[track_caller]
    pub fn swap(&self, value: T, order: Ordering) -> T {
        self.with(|word, change| word.swap(change(value), order))
    }

    #[track_caller]
    pub fn fetch_add(&self, value: T, order: Ordering) -> T {
        self.with(|word, _| word.fetch_add(value.bits(), order))
    }

    #[track_caller]
    pub fn fetch_sub(&self, value: T, order: Ordering) -> T {
        self.with(|word, _| word.fetch_sub(value.bits(), order))
    }

    #[track_caller]
    pub fn fetch_max(&self, value: T, order: Ordering) -> T
    where
        T: Ord,
    {
        loop {
            let old = self.load(Ordering::Relaxed);
            if self.compare_exchange(old, old.max(value), order, Ordering::Relaxed).is_ok() {
                return old;
            }
        }
    }

    #[track_caller]
    pub fn compare_exchange(&self, old: T, new: T, success: Ordering, failure: Ordering) -> Result<T, T> {
        let mut done = false;
        let found = self.with(|word, change| {
            let result = word.compare_exchange(change(old), change(new), success, failure);
            done = result.is_ok();
            result.unwrap_or_else(|found| found)
        });
        if done { Ok(found) } else { Err(found) }
    }

    #[track_caller]
    pub fn compare_exchange_weak(&self, old: T, new: T, success: Ordering, failure: Ordering) -> Result<T, T> {
        self.compare_exchange(old, new, success, failure)
    }
}
