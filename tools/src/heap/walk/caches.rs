//! The caches of threads: rooms, stacks, remote buffers, and what they count.

use super::{Cache, Heap, Range};
use crate::heap::source::{Record, Source};
use crate::process::page_size;

/// More rooms or caches than there can be.
const ROOMS: usize = 1 << 12;
const IN_ROOM: u64 = 1 << 16;

/// How much of caches is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What they count.
    Counts,
    /// Also which objects are in them.
    Objects,
}

/// Reads all caches, and sums up the calls.
pub fn read(source: &Source<'_>, heap: &mut Heap, depth: Depth) {
    let (channel, layout) = (&source.channel, &source.channel.cache);
    let operations = channel.operations.min(64) as usize;
    let calls = Record::read(source, channel.calls.get() as u64, operations * 8);
    heap.calls = calls.map_or_else(|| vec![0; operations], |calls| calls.words().collect());
    let slots = channel.classes as usize * 8;
    let Some(places) = Record::read(source, channel.slots.get() as u64, slots) else { return };
    let stride = u64::from(layout.bytes).next_multiple_of(page_size());
    for (address, thread) in all(source) {
        let Some(cache) = Record::untouched(source, address, layout.slots as usize) else { continue };
        count(source, &cache, remote(source, address, &cache) as u64, &mut heap.calls);
        let stacks = stacks(source, &places, address, &cache);
        // What is in the stacks was not handed out.
        let stacked: u64 = stacks.iter().map(|stack| stack.count).sum();
        heap.calls[0] = heap.calls[0].saturating_sub(stacked);
        if depth == Depth::Objects {
            heap.records.push(Range { start: address, len: stride });
            heap.caches.push(one(source, &stacks, address, &cache, thread));
        }
    }
}

/// The addresses of all caches that are laid out, and the numbers of the threads that own them.
pub fn all(source: &Source<'_>) -> Vec<(u64, u32)> {
    let layout = &source.channel.cache;
    let stride = u64::from(layout.bytes).next_multiple_of(page_size());
    let (mut room, mut found) = (source.channel.rooms.get() as u64, Vec::new());
    for _ in 0..ROOMS {
        let Some(head) = Record::read(source, room, layout.words as usize) else { break };
        let (first, size) = (head.u64(layout.caches as usize), head.u64(layout.size as usize).min(IN_ROOM));
        for index in 0..size {
            let word = source.word(room + u64::from(layout.words) + index * 8).unwrap_or(0);
            if word >> layout.laid & 1 != 0 {
                #[expect(clippy::cast_possible_truncation, reason = "the flags are above the number")]
                found.push((first + index * stride, word as u32 & ((1 << 30) - 1)));
            }
        }
        room = head.u64(layout.next as usize);
        if room == 0 {
            break;
        }
    }
    found
}

/// The objects of a class in a cache.
struct Stack {
    class: usize,
    /// The address of the first slot.
    first: u64,
    count: u64,
}

fn stacks(source: &Source<'_>, places: &Record, address: u64, cache: &Record) -> Vec<Stack> {
    let layout = &source.channel.cache;
    let stack = |class: usize| {
        let top = cache.u64(layout.bins as usize + class * layout.bin as usize);
        let place = |at: usize| address + u64::from(layout.slots) + 8 * u64::from(places.u32(class * 8 + at));
        let (near, far) = (place(0), place(4));
        let in_near = (near..=near + 8 * u64::from(layout.near)).contains(&top);
        let bottom = if in_near { near } else { far };
        Stack { class, first: bottom + 8, count: top.saturating_sub(bottom) / 8 }
    };
    let all = (1..source.channel.classes as usize).map(stack);
    all.filter(|stack| (1..=1 << 14).contains(&stack.count)).collect()
}

/// A cache and all that is in it.
fn one(source: &Source<'_>, stacks: &[Stack], address: u64, cache: &Record, thread: u32) -> Cache {
    let layout = &source.channel.cache;
    let home = (cache.u64(layout.home as usize) >> layout.home_shift) as usize;
    let mut objects = Vec::new();
    for &Stack { class, first, count } in stacks {
        if let Some(slots) = Record::untouched(source, first, count as usize * 8) {
            objects.extend(slots.words().filter(|&object| object != 0).map(|object| (object, class)));
        }
    }
    let remote = remote(source, address, cache);
    let objects_of_others = (0..remote).map(|index| cache.u64(layout.remote as usize + 8 * index));
    objects.extend(objects_of_others.filter(|&object| object != 0).map(|object| (object, 0)));
    Cache { thread, home, objects }
}

/// How many objects of other arenas are in a cache's remote buffer.
fn remote(source: &Source<'_>, address: u64, cache: &Record) -> usize {
    let layout = &source.channel.cache;
    let top = cache.u64(layout.remote_top as usize);
    let remote = top.saturating_sub(address + u64::from(layout.remote)).saturating_add(8) / 8;
    if top < address { 0 } else { remote.min(1 << 10) as usize }
}

/// Adds what a cache has counted, as the library does it: mallocs follow from what came into the stacks and left them.
fn count(source: &Source<'_>, cache: &Record, remote: u64, calls: &mut [u64]) {
    const MALLOC: usize = metes::Operation::Malloc as usize;
    const FREE: usize = metes::Operation::Free as usize;
    let layout = &source.channel.cache;
    let counter = |offset: u32| cache.u64(offset as usize);
    let mut by_stack = 0;
    for (operation, sum) in calls.iter_mut().enumerate() {
        let here = cache.u64(layout.calls as usize + 8 * operation);
        by_stack += here;
        *sum += here.wrapping_add(cache.u64(layout.elsewhere as usize + 8 * operation));
    }
    let pushed = counter(layout.pushed).wrapping_add(counter(layout.pushed_base));
    let came = counter(layout.filled).wrapping_add(pushed);
    if let Some(mallocs) = calls.get_mut(MALLOC) {
        *mallocs += came.saturating_sub(by_stack + counter(layout.flushed));
    }
    if let Some(frees) = calls.get_mut(FREE) {
        *frees += (pushed + counter(layout.sent_home) + remote).saturating_sub(counter(layout.moved));
    }
}
