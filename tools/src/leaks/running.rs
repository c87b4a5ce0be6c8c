//! Leaks of a process that runs, found from outside: a search for what its memory leads to.
//!
//! While the process stands still, its maps, its heap, its registers and its memory are copied; all else is done when it
//! goes on. Where it cannot be stopped it is searched as it goes on, and says less than it could.

use super::blocks::{Block, Blocks};
use super::found::{Leaks, Searched};
use super::image::{self, Image};
use super::origin::{Namer, Origins};
use super::search::Search;
use crate::failure::Failure;
use crate::heap::source::Source;
use crate::heap::stacks::{self, Guarded};
use crate::heap::waiting::{State, Waiting};
use crate::heap::walk::{Heap, Kind, Owner};
use crate::heap::{options, usage};
use crate::process::halt::{self, Halted, Thread};
use crate::process::maps::{self, Map};
use crate::process::{Process, page_size};
use crate::profile::{Profile, read};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How a process is searched.
pub struct Wanted<'a> {
    /// Whether it may be stopped.
    pub stop: bool,
    /// How many frames of a stack are told apart.
    pub depth: usize,
    /// Where files of debug information are looked for.
    pub debug_directories: &'a [PathBuf],
}

/// What was copied of a process.
struct Copied {
    maps: String,
    heap: Heap,
    image: Image,
    /// What is not metes', as ranges without gaps.
    roots: Vec<(u64, u64)>,
    guarded: Vec<Guarded>,
    profile: Option<Profile>,
}

/// Finds the leaks of a process.
pub fn search(process: &Process, wanted: &Wanted<'_>) -> Result<Leaks, Failure> {
    let began = Instant::now();
    let source = Source::find(process, &maps::parse(&process.file("maps")?))?;
    let (mut notes, mut room) = (Vec::new(), image::room(process)?);
    let (copied, halted) = if wanted.stop { stopped(process, &source, &mut notes, &mut room)? } else { (None, None) };
    let copied = match copied {
        Some(copied) => copied,
        None => {
            notes.push(
                "it was not stopped: what it did meanwhile may count as leaks, and registers were not read".into(),
            );
            copy(process, &source, &[], &mut room)?
        }
    };
    let Copied { maps, heap, image, roots, guarded, profile } = copied;
    let (blocks, origins) = gather(&source, &heap, &image, guarded, profile.as_ref());
    let blocks = Blocks::of(blocks);
    let mut search = Search::new(&image, &blocks);
    let threads = halted.as_ref().map_or(&[][..], |halted| &halted.threads);
    threads.iter().for_each(|thread| search.words(&thread.words));
    let torn = heap.regions.iter().flat_map(|region| &region.pieces).filter(|piece| matches!(piece.kind, Kind::Torn));
    let torn: Vec<_> = torn.map(|piece| (piece.range.start, piece.range.end())).collect();
    if !torn.is_empty() {
        notes.push(format!("{} parts of the heap were changing, and count as in use", torn.len()));
    }
    for &(start, end) in roots.iter().chain(&torn) {
        search.range(start, end);
    }
    let found: Vec<_> = search
        .leaks()
        .into_iter()
        .map(|(index, reach)| (blocks.all()[index].start, blocks.all()[index].size, reach))
        .collect();
    let namer = Namer::new(&source, &image, maps, wanted.debug_directories, wanted.depth);
    let mut leaks = namer.sort(process.name(), process.pid(), &found, &origins);
    let mut searched = Searched { notes, threads: threads.len() as u64, ..Searched::default() };
    blocks.all().iter().for_each(|block| searched.blocks.add(1, block.size));
    searched.roots = roots.iter().map(|&(start, end)| image.len(start, end)).sum();
    searched.stopped_ms = halted.map(|halted| milliseconds(halted.lasted));
    searched.took_ms = milliseconds(began.elapsed());
    searched.known = leaks.sites.iter().filter(|site| !site.frames.is_empty()).map(|site| site.bytes).sum();
    leaks.search = Some(searched);
    Ok(leaks)
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

type Stopped = (Option<Copied>, Option<Halted>);

/// Copies while the process stands still, if it can be stopped. A thread may be about to move objects from one place to
/// another: then it goes on for a moment first.
fn stopped(
    process: &Process,
    source: &Source<'_>,
    notes: &mut Vec<String>,
    room: &mut Vec<u8>,
) -> Result<Stopped, Failure> {
    const TRIES: usize = 20;
    for round in 0..TRIES {
        let done = halt::halted(process.pid(), |halted| {
            let maps = maps::parse(&process.file("maps")?);
            if round + 1 < TRIES && halted.threads.iter().any(|thread| is_at_work(thread, &maps)) {
                return Ok(None);
            }
            copy(process, source, &halted.threads, room).map(Some)
        });
        let (copied, halted) = match done {
            Ok((copied, halted)) => (copied?, halted),
            Err(error) => {
                if !process.is_alive() {
                    return Err(process.gone());
                }
                notes.push(format!("it cannot be stopped ({})", crate::failure::reason(&error)));
                return Ok((None, None));
            }
        };
        if copied.is_some() {
            if !halted.going_on.is_empty() {
                notes
                    .push(format!("{} threads did not stop, and their registers are not known", halted.going_on.len()));
            }
            return Ok((copied, Some(halted)));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((None, None))
}

/// Whether a thread is in the library's code.
fn is_at_work(thread: &Thread, maps: &[Map]) -> bool {
    let map = thread.at.and_then(|at| maps.iter().find(|map| map.holds(at)));
    map.is_some_and(|map| map.executable && usage::is_library(map))
}

/// Copies all that the search needs.
fn copy(process: &Process, source: &Source<'_>, threads: &[Thread], room: &mut Vec<u8>) -> Result<Copied, Failure> {
    let text = process.file("maps")?;
    let maps = maps::parse(&text);
    let heap = Heap::walk(source).ok_or_else(|| process.gone())?;
    let profile = read::of_process(process, source)?;
    let (pool, guarded) = stacks::guarded(source).map_or((None, Vec::new()), |(pool, used)| (Some(pool), used));
    let library = usage::library(&maps);
    // Pages of zeroes and shared ones alike: what can be read, and has been or can be written to.
    let is_data = |map: &&Map| map.readable && (map.writable || map.inode == 0) && !map.name.starts_with("[v");
    let data: Vec<_> = maps
        .iter()
        .filter(is_data)
        .filter(|map| !library.contains(&map.start))
        .map(|map| (map.start, map.end))
        .collect();
    let range = |range: &crate::heap::walk::Range| (range.start, range.end());
    let mut records: Vec<_> = heap.records.iter().map(range).collect();
    let is_pool =
        |range: &&crate::heap::walk::Range| pool.is_some_and(|pool| (range.start..range.end()).contains(&pool));
    records.extend(heap.others.iter().filter(|range| !is_pool(range)).map(range));
    records.extend(threads.iter().filter_map(|thread| dead_stack(thread, threads, &maps)));
    let wanted = without(&data, records);
    let image = Image::copy(process, &wanted, std::mem::take(room))?;
    let regions = heap.regions.iter().map(|region| range(&region.range));
    let mappings = heap.mappings.iter().map(|mapping| range(&mapping.range));
    let roots = without(&wanted, regions.chain(mappings).chain(heap.others.iter().map(range)).collect());
    Ok(Copied { maps: text, heap, image, roots, guarded, profile })
}

/// The part of a thread's stack that is not in use: what calls have left there that have returned.
fn dead_stack(thread: &Thread, all: &[Thread], maps: &[Map]) -> Option<(u64, u64)> {
    /// A function may use so many bytes below the stack pointer.
    const RED_ZONE: u64 = 128;
    let place = maps.iter().position(|map| map.holds(thread.stack))?;
    let map = &maps[place];
    // A stack of the C library's has a guard below it, and the thread's own storage above. Other memory in which a stack
    // pointer is may be anything.
    let is_alone = all.iter().filter(|other| map.holds(other.stack)).count() == 1;
    let has_guard = place > 0 && maps[place - 1].end == map.start && !maps[place - 1].readable;
    let has_storage = map.holds(thread.storage) && thread.storage > thread.stack;
    let is_stack = map.name == "[stack]" || has_guard && has_storage;
    let end = thread.stack.saturating_sub(RED_ZONE) / 8 * 8;
    (is_alone && is_stack && end > map.start).then_some((map.start, end))
}

/// Ranges without the holes in them.
fn without(ranges: &[(u64, u64)], mut holes: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    holes.sort_unstable();
    let mut left = Vec::new();
    for &(start, end) in ranges {
        let mut at = start;
        // Holes may overlap, so one that ends late may stand before others.
        for &(from, to) in holes.iter().filter(|&&(from, to)| from < end && to > start) {
            if from > at {
                left.push((at, from));
            }
            at = at.max(to);
        }
        if at < end {
            left.push((at, end));
        }
    }
    left
}

/// All blocks that the program has, and what is known of where they come from.
fn gather(
    source: &Source<'_>,
    heap: &Heap,
    image: &Image,
    guarded: Vec<Guarded>,
    profile: Option<&Profile>,
) -> (Vec<Block>, Origins) {
    let (mut blocks, mut origins) = (Vec::new(), Origins::default());
    let options = options::read(source);
    let has_calls = options.as_ref().is_some_and(options::have_blocks_calls);
    let is_checked = options.as_ref().is_some_and(options::are_blocks_checked);
    let waiting = Waiting::of(heap);
    let mut add = |start: u64, end: u64, is_checked: bool| {
        if waiting.state(start) != State::InUse || end <= start {
            return;
        }
        let mut size = end - start;
        if is_checked {
            let Some(trailer) = stacks::trailer(source, image, start, end, has_calls) else { return };
            size = trailer.size;
            if trailer.stack != 0 {
                origins.numbers.insert(start, trailer.stack);
            }
        }
        blocks.push(Block { start, size });
    };
    for region in &heap.regions {
        // Heaps that the program has made have checks of their own.
        let is_checked = is_checked && matches!(region.owner, Owner::Arena(_));
        for piece in &region.pieces {
            match &piece.kind {
                Kind::Block => add(piece.range.start + 8, piece.range.end(), is_checked),
                Kind::Slab(slab) => slab.each_out(&heap.sizes, |start, len| add(start, start + len, is_checked)),
                Kind::Free | Kind::Parked | Kind::Torn => {}
            }
        }
    }
    let page = page_size();
    for mapping in &heap.mappings {
        // A checked block that fills its pages has one more behind it.
        let guard = if is_checked && mapping.wanted.is_multiple_of(page) { page } else { 0 };
        add(mapping.range.start, mapping.range.start + mapping.wanted - guard, is_checked);
    }
    for Guarded { start, size, frames } in guarded {
        blocks.push(Block { start, size });
        origins.guarded.insert(start, frames);
    }
    if let Some(profile) = profile {
        origins.add_profile(profile);
        // An object that keeps a sample's place is nobody's. Of samples the bytes that were asked for are known.
        let anchors: HashSet<_> = profile.live.iter().map(|live| live.anchor).collect();
        let sizes: HashMap<_, _> = profile.live.iter().map(|live| (live.address, live.size)).collect();
        blocks.retain(|block| !anchors.contains(&block.start));
        for block in &mut blocks {
            block.size = sizes.get(&block.start).map_or(block.size, |&size| size.min(block.size));
        }
    }
    (blocks, origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_cut_out() {
        let ranges = [(10, 20), (30, 40), (50, 60)];
        assert_eq!(without(&ranges, vec![(35, 36), (0, 12), (18, 31)]), [(12, 18), (31, 35), (36, 40), (50, 60)]);
        assert_eq!(without(&ranges, vec![(11, 19), (12, 13), (45, 70)]), [(10, 11), (19, 20), (30, 40)]);
        assert_eq!(without(&ranges, Vec::new()), ranges);
    }

    #[test]
    fn only_what_is_known_to_be_a_stack_has_a_dead_part() {
        let text = "\
1000-2000 ---p 00000000 00:00 0\n2000-9000 rw-p 00000000 00:00 0\n10000-20000 rw-p 00000000 00:00 0\n\
20000-30000 rw-p 00000000 00:00 0 [stack]\n";
        let maps = maps::parse(text);
        let dead = |stack, storage, others: &[Thread]| {
            let thread = Thread { stack, storage, ..Thread::default() };
            dead_stack(&thread, &[std::slice::from_ref(&thread), others].concat(), &maps)
        };
        assert_eq!(dead(0x5003, 0x8f00, &[]), Some((0x2000, 0x4f80)));
        // No storage, no guard, two stacks in one map.
        assert_eq!((dead(0x5000, 0, &[]), dead(0x15000, 0x1f000, &[])), (None, None));
        assert_eq!(dead(0x5000, 0x8f00, &[Thread { stack: 0x7000, ..Thread::default() }]), None);
        assert_eq!(dead(0x28000, 0x5000, &[]), Some((0x20000, 0x27f80)));
        assert_eq!(dead(0x20010, 0x5000, &[]), None);
    }
}
