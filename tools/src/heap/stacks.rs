//! The calls that have allocated blocks, where the process remembers them: in trailers, whose stacks are in the depot,
//! and in the records of guarded blocks.

use super::source::{Record, Source};
use super::walk::blocks;
use crate::process::Memory;

/// What a trailer says of a block in use.
pub struct Trailer {
    /// Bytes that were asked for.
    pub size: u64,
    /// The number of the stack that has allocated it; 0 if that is not known.
    pub stack: u32,
}

/// The trailer of a block that ends at an address, out of a copy of its memory; `None` if the program does not have it.
pub fn trailer(source: &Source<'_>, memory: &dyn Memory, start: u64, end: u64, has_calls: bool) -> Option<Trailer> {
    let layout = &source.channel.trailer;
    let word = |before: u32| {
        let mut word = [0; 8];
        memory.read(end.checked_sub(before.into())?, &mut word).then(|| u64::from_le_bytes(word))
    };
    let content = blocks::verify(source, end - u64::from(layout.word), word(layout.word)?, layout.bits)?;
    if content & (layout.freed | layout.vacant) != 0 {
        return None;
    }
    let size = (end - start).checked_sub(content & u64::from(u32::MAX))?;
    let stack = if has_calls { word(layout.allocated)? >> 32 } else { 0 };
    Some(Trailer { size, stack: u32::try_from(stack).ok()? })
}

/// The frames of a stack in the depot, innermost first; none if there is no such stack.
pub fn frames(source: &Source<'_>, stack: u32) -> Vec<u64> {
    let (depot, layout) = (&source.channel.depot_layout, &source.channel.stack);
    let (at, words) = (u64::from(stack), u64::from(depot.chunk_bytes / 8).max(1));
    let found = || {
        let place = source.channel.depot.get() as u64 + u64::from(depot.chunks) + at / words * 8;
        let chunk = source.word(place).filter(|&chunk| chunk != 0 && at / words < depot.chunks_all.into())?;
        let record = chunk + at % words * 8;
        let len = source.word(record + u64::from(layout.len))?.min(layout.most.into());
        let fits = at % words * 8 + u64::from(layout.frames) + 8 * len <= depot.chunk_bytes.into();
        fits.then(|| Record::read(source, record + u64::from(layout.frames), len as usize * 8)).flatten()
    };
    if stack == 0 { None } else { found() }.map_or_else(Vec::new, |frames| frames.words().collect())
}

/// A guarded block in use.
pub struct Guarded {
    /// Its address.
    pub start: u64,
    /// Bytes that were asked for.
    pub size: u64,
    /// The frames of the call that has allocated it.
    pub frames: Vec<u64>,
}

/// The address of the pool of guarded blocks, and those in use.
pub fn guarded(source: &Source<'_>) -> Option<(u64, Vec<Guarded>)> {
    let layout = &source.channel.pool_layout;
    let at = source.channel.guard_pool.get() as u64;
    let pool = (at != 0).then(|| source.word(at)).flatten().filter(|&pool| pool != 0)?;
    let all = Record::read(source, pool, (layout.bytes as usize).min(1 << 24))?;
    let slot = |index: usize| {
        let state = all.u64(layout.states as usize + 8 * index);
        let record = layout.slots as usize + layout.slot as usize * index;
        let frame = |frame: usize| all.u64(record + layout.frames as usize + 8 * frame);
        (state & u64::from(layout.mask) == u64::from(layout.used)).then(|| Guarded {
            start: all.u64(record + layout.start as usize),
            size: all.u64(record + layout.size as usize),
            frames: (0..layout.depth as usize).map(frame).take_while(|&frame| frame != 0).collect(),
        })
    };
    Some((pool, (0..layout.slots_all.min(1 << 16) as usize).filter_map(slot).collect()))
}
