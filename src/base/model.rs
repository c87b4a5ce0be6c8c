//! What `shared` is in models, which run under loom: every use of a word is told to loom, by the word's address.
//!
//! loom's own atomics are large, cannot stand in statics, and zeroes are none of them. So the words stay as they are, in the
//! layouts they have, and loom's atomics stand beside them in a table. A word's memory says what it starts with and is never
//! written to: a static is as new in every run of a model.
//!
//! All words are loom's from the start of the run, made by its first thread: so the first use of one orders nothing.
//! The threads of a model take turns on one thread of the system: the table needs no lock, but none may hold it while loom
//! switches. Memory that is given back and taken again in the same run would find its old words.

#![allow(unsafe_code)]
#![allow(missing_docs)]

use core::cell::{Cell, RefCell, UnsafeCell};
use core::sync::atomic::Ordering;
use std::collections::HashMap;
use std::rc::Rc;
use std::vec::Vec;

/// The most words a run may use.
const WORDS: usize = 800;

/// Runs `f` in every order that makes a difference; with a bound, of those with so many preemptions of threads at most.
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
    /// What was added to the word since the start.
    change: loom::sync::atomic::AtomicU64,
    /// Added zero to before each use, which orders nothing. loom tries other orders for the last use of a word alone, and a load
    /// that another load followed is forgotten: of these additions none is.
    turn: loom::sync::atomic::AtomicU64,
    start: Cell<u64>,
    /// An `Unshared`'s: finds uses that no order keeps apart.
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

/// An `Unshared` is read. Small ones that stand together are one.
#[track_caller]
pub fn read(address: usize) {
    word(address & !7, 0).uses.with(|_| ());
}

/// An `Unshared` is written.
#[track_caller]
pub fn written(address: usize) {
    word(address & !7, 0).uses.with_mut(|_| ());
}

/// A full fence, as the fast side of `light_fence` is one here.
pub fn fence() {
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// The slow side of `light_fence`.
pub fn barrier() -> bool {
    fence();
    true
}

/// What an atomic may hold.
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

/// An atomic word, with the functions of the core's.
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

// SAFETY: its memory is only read.
unsafe impl<T> Sync for Atomic<T> {}

impl<T: Value> Atomic<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Does `f` on the word's change; the second argument turns a value into a change.
    #[track_caller]
    fn with(&self, f: impl FnOnce(&loom::sync::atomic::AtomicU64, &dyn Fn(T) -> u64) -> u64) -> T {
        // SAFETY: nobody writes.
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
