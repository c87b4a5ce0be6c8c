//! Halting under loom: a thread is at work on its cache while another one halts it, empties it and lets it go on. For
//! what `membarrier` is here see `light_fence`.

#![allow(unsafe_code)]

use super::cache::*;
use super::fast;
use crate::base::class::SizeClass;
use crate::base::model::{self, model};
use crate::base::operation::Operation;
use crate::base::pointer;
use crate::sys::thread;
use core::sync::atomic::Ordering::Relaxed;
use std::vec::Vec;

const OBJECTS: usize = 4;
/// How many objects the stack holds at the start. The others come with a fill.
const HELD: usize = 1;

std::thread_local! {
    /// The memory of the cache and of its objects. All runs of a model are one thread to the system, so they share it.
    /// What a model writes to a cache does not reach this memory.
    static MEMORY: (usize, usize) = {
        let layout = std::alloc::Layout::from_size_align(BYTES, align_of::<Cache>()).unwrap();
        // SAFETY: the layout has a size.
        let cache = unsafe { std::alloc::alloc_zeroed(layout) };
        let objects: &mut [[u64; 2]; OBJECTS] = std::boxed::Box::leak(std::boxed::Box::default());
        (pointer::expose(cache), pointer::expose(&raw mut *objects))
    };
}

fn memory() -> (&'static Cache, [usize; OBJECTS]) {
    let (cache, objects) = MEMORY.with(|&memory| memory);
    // SAFETY: zeroes, never given back.
    let cache = unsafe { pointer::to_ref(cache) };
    (cache, core::array::from_fn(|index| objects + index * size_of::<[u64; 2]>()))
}

fn class() -> SizeClass {
    SizeClass::of_index(1)
}

/// A cache with the first of the objects in its stack.
fn cache_and_objects() -> (&'static Cache, [usize; OBJECTS]) {
    let (cache, objects) = memory();
    cache.begin();
    cache.set_home(1);
    cache.set_capacity(class(), 2);
    objects[..HELD].iter().zip(cache.places(class(), HELD)).for_each(|(&object, place)| place.store(object, Relaxed));
    cache.put(class(), cache.places(class(), HELD), HELD);
    (cache, objects)
}

/// A use of an object by its owner. Loom reports it if another thread has the object too, or had it
/// and nothing orders the two uses.
fn use_object(object: usize) {
    model::written(object);
}

/// Does what the helper does with a cache, and returns the objects that it took out.
fn empty(cache: &Cache) -> Vec<usize> {
    let mut taken = Vec::new();
    if cache.halt() {
        assert_eq!(cache.home(), 1);
        for class in classes().filter(|&class| cache.count(class) != 0) {
            taken.extend(cache.older(class, 0).iter().map(|slot| slot.load(Relaxed)));
            cache.drop_older(class, 0);
        }
        taken.iter().for_each(|&object| use_object(object));
        cache.begin_stacks();
        cache.resume();
    }
    taken
}

fn pop(had: &mut Vec<usize>) {
    let object = fast::pop(Operation::Malloc, 1);
    if object != 0 {
        use_object(object);
        had.push(object);
    }
}

fn push(had: &mut Vec<usize>) {
    if let Some(object) = had.pop() {
        use_object(object);
        if !fast::push_class(class(), object) {
            had.push(object);
        }
    }
}

/// The same as `refill::fill`, with an arena that has these objects.
fn fill(cache: &Cache, arena: &mut Vec<usize>) {
    if !cache.is_open() || !cache.enter() {
        return;
    }
    if cache.count(class()) == 0
        && let Some(object) = arena.pop()
    {
        use_object(object);
        if cache.capacity(class()) == 0 {
            cache.set_capacity(class(), 2);
        }
        let places = cache.places(class(), 1);
        places[0].store(object, Relaxed);
        cache.put(class(), places, 1);
    }
    cache.open();
}

/// Lets the stack grow and move to the place that has room for that, or shrink.
fn resize(cache: &Cache, slots: usize) {
    if cache.enter() {
        cache.set_capacity(class(), slots);
        cache.open();
    }
}

/// Runs `work` on the cache's thread beside a helper that looks at the cache `looks` times.
fn run(
    preemptions: usize,
    looks: usize,
    work: impl Fn(&Cache, &mut Vec<usize>, &mut Vec<usize>) + Sync + Send + 'static,
) {
    model(preemptions, move || {
        let (cache, objects) = cache_and_objects();
        let helper = loom::thread::spawn(move || (0..looks).flat_map(|_| empty(cache)).collect::<Vec<_>>());
        thread::set_cache(cache.address());
        cache.open();
        let (mut had, mut arena) = (Vec::new(), objects[HELD..].to_vec());
        work(cache, &mut had, &mut arena);
        let taken = helper.join().unwrap();
        // The gate is open, and no thread is at work on the cache. If it is not in use again already,
        // the next slow path puts it back to use.
        assert!(cache.is_open() && cache.halted.load(Relaxed) != HALTED);
        resize(cache, 40);
        assert!(!cache.has_no_bins() && cache.halted.load(Relaxed) == 0);
        let mut all = [had, arena, taken].concat();
        cache.for_each_held(|object| all.push(object));
        all.sort_unstable();
        assert_eq!(all, objects, "no object is lost, none is had twice");
        // The cache serves.
        let mut had = Vec::new();
        if cache.count(class()) == 0 {
            fill(cache, &mut std::vec![objects[0]]);
        }
        pop(&mut had);
        assert_eq!(had.len(), 1);
        push(&mut had);
        assert!(had.is_empty());
    });
}

#[test]
fn what_a_thread_pops_while_its_cache_is_emptied_nobody_else_has() {
    run(3, 1, |_, had, _| pop(had));
}

#[test]
fn what_a_thread_pushes_while_its_cache_is_emptied_is_there_or_taken() {
    run(2, 1, |_, had, _| {
        pop(had);
        push(had);
    });
}

#[test]
fn a_stack_that_is_filled_while_its_cache_is_emptied_has_what_came() {
    run(2, 1, |cache, had, arena| {
        pop(had);
        fill(cache, arena);
        pop(had);
    });
}

#[test]
fn a_stack_that_may_hold_more_while_its_cache_is_emptied_comes_whole() {
    run(2, 1, |cache, had, _| {
        pop(had);
        resize(cache, 40);
        push(had);
    });
}

#[test]
fn a_cache_that_is_emptied_twice_goes_on() {
    run(2, 2, |cache, had, arena| {
        pop(had);
        push(had);
        fill(cache, arena);
    });
}
