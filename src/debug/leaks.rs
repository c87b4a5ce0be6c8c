//! Leaks (`leaks=exit`): at exit, which blocks nothing points at any more.
//!
//! All blocks in use are written into a table, in address order. What the program can still reach
//! is found as a conservative garbage collector does it. Each word of writable memory that is not
//! metes' own is taken for a pointer, to a block's start or into it. Each block found this way is
//! searched in turn. The other blocks are lost: directly, or reachable only from lost ones.
//!
//! The kernel reads the memory, as other threads may unmap some meanwhile. They are not stopped: a
//! pointer that one of them moves at that moment may be missed.

#![allow(unsafe_code)]

use crate::base::code::Code;
use crate::base::config::UNIT;
use crate::base::line::Line;
use crate::base::{align, pointer};
use crate::debug::scan;
use crate::process::{options, statics};
use crate::report::trailer::{self, Call};
use crate::route::guard;
use crate::sys::mmap::page_size;
use crate::sys::{env, excluded, mmap, probe};
use crate::trace::report::{self, Detail};
use crate::trace::{maps, modules};
use core::cmp::{Ordering, Reverse};
use core::fmt::Write;
use core::ops::Range;

/// How a block can be reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Not at all.
    Lost,
    /// Only from a lost block.
    LostInside,
    /// From the program's memory.
    Reachable,
}

/// A block in use, or several with the same reach and stack.
#[derive(Clone, Copy)]
struct Leak {
    start: usize,
    /// The bytes of all of them.
    size: usize,
    blocks: usize,
    call: Call,
    reach: Reach,
}

/// Sorts. Not generic, as the library's sort is large.
fn sort(items: &mut [Leak], order: fn(&Leak, &Leak) -> Ordering) {
    items.sort_unstable_by(order);
}

/// Memory from the kernel for the time of a search. Its length is known before.
struct Table<T: Copy + 'static> {
    address: usize,
    room: usize,
    items: &'static mut [T],
}

impl<T: Copy> Table<T> {
    fn new(count: usize, item: T) -> Option<Self> {
        let room = align::up(count.max(1) * size_of::<T>(), page_size());
        let address = mmap::map_uncounted(room)?;
        let first: *mut T = pointer::at_mut(address);
        for index in 0..count {
            // SAFETY: new memory with room for `count` items.
            unsafe { first.add(index).write(item) };
        }
        // SAFETY: written above, and no other code knows it.
        let items = unsafe { core::slice::from_raw_parts_mut(first, count) };
        Some(Self { address, room, items })
    }

    fn range(&self) -> Range<usize> {
        self.address..self.address + self.room
    }
}

impl<T: Copy> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and not used any more. If it cannot be unmapped, the exit gives it back.
        unsafe { mmap::munmap(self.address, self.room) };
    }
}

struct Search {
    found: Table<Leak>,
    /// Indices of blocks that are still to be searched.
    waiting: Table<usize>,
    waiting_count: usize,
    /// The buffer that memory is read into.
    piece: Table<u8>,
    /// From the start of the first block to the end of the last.
    all: Range<usize>,
}

impl Search {
    fn new() -> Option<Self> {
        let mut count = 0;
        scan::for_each_in_use(&mut |_, _| count += 1);
        guard::for_each_in_use(&mut |_, _, _| count += 1);
        // Other threads may go on allocating.
        let room = count + count / 8 + 64;
        let nothing = Leak { start: 0, size: 0, blocks: 1, call: Call::NOBODY, reach: Reach::Lost };
        let mut found = Table::new(room, nothing)?;
        let mut used = 0;
        let mut note = |start, size, call| {
            if let Some(slot) = found.items.get_mut(used) {
                *slot = Leak { start, size, call, ..nothing };
                used += 1;
            }
        };
        scan::for_each_in_use(&mut |block, facts| {
            note(block.start, facts.size, block.calls().map_or(Call::NOBODY, |(allocated, _)| allocated));
        });
        guard::for_each_in_use(&mut note);
        let items = core::mem::take(&mut found.items);
        let (items, _) = items.split_at_mut(used);
        sort(items, |a, b| a.start.cmp(&b.start));
        let all = items.first().map_or(0, |block| block.start)..items.last().map_or(0, |b| b.start + b.size.max(1));
        found.items = items;
        Some(Self { found, waiting: Table::new(used, 0)?, waiting_count: 0, piece: Table::new(PIECE, 0)?, all })
    }

    /// Takes a word for a pointer, and notes the block that it leads to.
    fn note(&mut self, word: usize, reach: Reach) {
        if !self.all.contains(&word) {
            return;
        }
        let behind = self.found.items.partition_point(|block| block.start <= word);
        let Some(index) = behind.checked_sub(1) else { return };
        let block = &mut self.found.items[index];
        // A block of no bytes is reached by its start.
        if word < block.start + block.size.max(1) && block.reach == Reach::Lost {
            block.reach = reach;
            self.waiting.items[self.waiting_count] = index;
            self.waiting_count += 1;
        }
    }

    /// Searches memory for pointers.
    fn look(&mut self, bytes: Range<usize>, reach: Reach) {
        let piece = core::mem::take(&mut self.piece.items);
        let mut at = align::up(bytes.start, size_of::<usize>());
        while at < bytes.end {
            let wanted = (PIECE - at % PIECE).min(bytes.end - at);
            let got = probe::peek(at, &mut piece[..wanted]);
            for word in piece[..got].chunks_exact(size_of::<usize>()) {
                let mut bytes = [0; size_of::<usize>()];
                bytes.copy_from_slice(word);
                self.note(usize::from_ne_bytes(bytes), reach);
            }
            // A page that cannot be read is skipped.
            at = if got == wanted { at + got } else { align::up(at + got + 1, page_size()) };
        }
        self.piece.items = piece;
    }

    /// Searches all blocks that were found and not yet searched.
    fn follow(&mut self, reach: Reach) {
        while let Some(next) = self.waiting_count.checked_sub(1) {
            self.waiting_count = next;
            let block = self.found.items[self.waiting.items[next]];
            self.look(block.start..block.start + block.size, reach);
        }
    }

    /// Searches what the program has besides its blocks: static data, stacks, and other writable mappings.
    fn look_through_roots(&mut self, stack: usize) -> bool {
        let ours = modules::this_library();
        let tables = [self.found.range(), self.waiting.range(), self.piece.range()];
        env::for_each_piece(c"/proc/self/maps", b'\n', &mut |line| {
            let Some(place) = maps::parse(line).filter(|place| place.writable) else { return false };
            let library = |at| ours.filter(|module| module.contains(at)).map(|module| module.start..module.end);
            let mut start = place.start;
            if (place.start..place.end).contains(&stack) {
                // Below are the frames of this search, and what calls that have returned left.
                start = stack;
            }
            while start < place.end {
                let table = || tables.iter().find(|table| table.contains(&start)).cloned();
                let skipped = excluded::around(start).or_else(table).or_else(|| library(start));
                if let Some(skipped) = skipped.or_else(|| statics::span_around(start)) {
                    start = skipped.end;
                    continue;
                }
                let next_table = tables.iter().map(|table| table.start).filter(|&next| next > start).min();
                let end = align::up(start + 1, PIECE).min(place.end).min(next_table.unwrap_or(usize::MAX));
                self.look(start..end, Reach::Reachable);
                start = end;
            }
            false
        })
    }
}

/// Bytes that are read at a time. metes' own memory begins at multiples of it, or at one of the tables.
const PIECE: usize = UNIT;
/// The most stacks that are reported on standard error.
const TOLD: usize = 100;
/// The most that are reported in a file.
const TOLD_IN_FILE: usize = 10_000;

/// Reports what is lost. `stack` is an address in the frame of the caller. That frame is searched; this one is not.
#[inline(never)]
pub fn tell(stack: usize) {
    let Some(mut search) = Search::new() else {
        return report::say(format_args!("leaks=exit: there is no memory to search in"));
    };
    if !probe::can_peek() {
        return report::say(format_args!("leaks=exit: the kernel refuses process_vm_readv"));
    }
    if !search.look_through_roots(stack) || !excluded::is_complete() {
        return report::say(format_args!("leaks=exit: cannot tell which memory the program has"));
    }
    search.follow(Reach::Reachable);
    // From each lost block, finds the blocks that only it leads to.
    for index in 0..search.found.items.len() {
        let block = search.found.items[index];
        if block.reach == Reach::Lost {
            search.look(block.start..block.start + block.size, Reach::LostInside);
            // A block that leads to itself is lost all the same.
            search.found.items[index].reach = Reach::Lost;
            search.follow(Reach::LostInside);
            search.found.items[index].reach = Reach::Lost;
        }
    }
    let lost = &mut *search.found.items;
    sort(lost, |a, b| (a.reach, a.call.stack, a.start).cmp(&(b.reach, b.call.stack, b.start)));
    let count = lost.partition_point(|block| block.reach != Reach::Reachable);
    tell_lost(&mut lost[..count]);
}

/// How much some leaks are together.
#[derive(Default)]
struct Sum {
    blocks: usize,
    bytes: usize,
}

impl Sum {
    fn add(&mut self, found: Leak) {
        self.blocks += found.blocks;
        self.bytes += found.size;
    }
}

/// Merges neighbours with the same reach and stack.
fn merge(lost: &mut [Leak]) -> &mut [Leak] {
    let mut count = 0;
    for index in 0..lost.len() {
        let block = lost[index];
        match lost[..count].last_mut() {
            Some(last) if (last.reach, last.call.stack) == (block.reach, block.call.stack) => {
                last.size += block.size;
                last.blocks += 1;
            }
            _ => {
                lost[count] = block;
                count += 1;
            }
        }
    }
    &mut lost[..count]
}

fn tell_lost(lost: &mut [Leak]) {
    let groups = merge(lost);
    let (mut direct, mut inside, mut suppressed, mut count) = (Sum::default(), Sum::default(), Sum::default(), 0);
    for index in 0..groups.len() {
        let group = groups[index];
        if is_suppressed(group.call, index == 0) {
            suppressed.add(group);
            continue;
        }
        if group.reach == Reach::Lost {
            direct.add(group);
        } else {
            inside.add(group);
        }
        groups[count] = group;
        count += 1;
    }
    if count == 0 {
        return;
    }
    let groups = &mut groups[..count];
    sort(groups, |a, b| (a.reach, Reverse(a.size)).cmp(&(b.reach, Reverse(b.size))));
    let text = format_args!(
        "{} bytes in {} blocks that nothing points at, and {} bytes in {} blocks that only these lead to",
        direct.bytes, direct.blocks, inside.bytes, inside.blocks,
    );
    report::noticed(Code::Leak, 0, text, &|detail| {
        let told = if report::has_path() { TOLD_IN_FILE } else { TOLD };
        groups.iter().take(told).for_each(|&group| tell_group(detail, group));
        if groups.len() > told {
            detail.line(format_args!("and {} more places", groups.len() - told));
        }
        if suppressed.blocks != 0 {
            detail.line(format_args!("suppressed: {} bytes in {} blocks", suppressed.bytes, suppressed.blocks));
        }
    });
}

fn tell_group(detail: &mut Detail, group: Leak) {
    let Leak { start, size, blocks, call, reach } = group;
    let kind = if reach == Reach::Lost { "lost" } else { "indirectly lost" };
    let thread = call.thread;
    detail.line(format_args!(
        "{kind}: {size} bytes in {blocks} blocks, one at {start:#x}, allocated by thread {thread} at"
    ));
    detail.stack(trailer::frames(call));
}

/// Whether the file of suppressions names a frame of a stack. Each line of the file is `leak:` and
/// a piece of what a report tells of that frame. If `say`, reports that the file cannot be opened.
fn is_suppressed(call: Call, say: bool) -> bool {
    let Some(path) = options::suppressions() else { return false };
    let frames = trailer::frames(call);
    let Ok(path) = core::ffi::CStr::from_bytes_until_nul(path.as_bytes()) else { return false };
    let mut found = false;
    let opened = env::for_each_piece(path, b'\n', &mut |line| {
        let Some(piece) = line.strip_prefix(b"leak:").map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty()) else {
            return false;
        };
        found = frames.iter().any(|frame| {
            let mut text = Line::<512>::new();
            // A write to a `Line` never fails.
            let _ = write!(text, "{}", modules::place(frame - 1));
            text.as_bytes().windows(piece.len()).any(|window| window == piece)
        });
        found
    });
    if say && !opened {
        report::say(format_args!("cannot read the suppressions in '{}'", path.to_str().unwrap_or("?")));
    }
    found
}
