//! What metes has for itself: areas of records, the depot of stacks, and blocks that wait in the quarantine.

use super::{Heap, Range};
use crate::heap::source::{Record, Source};

/// More of anything than there can be.
const MOST: usize = 1 << 16;

/// Notes all areas, and reads the quarantine.
pub fn read(source: &Source<'_>, heap: &mut Heap) {
    let channel = &source.channel;
    // An older version has none of this.
    let areas = (channel.areas_all as usize).min(MOST);
    if areas != 0
        && let Some(all) = Record::untouched(source, channel.areas.get() as u64, areas * 16)
    {
        let ends = (0..areas).map(|index| (all.u64(index * 16), all.u64(index * 16 + 8)));
        heap.records
            .extend(ends.filter(|(start, end)| *start != 0 && start < end).map(|(start, end)| Range::of(start, end)));
    }
    depot(source, heap);
    calls(source, &mut heap.calls);
    (0..shards(source)).for_each(|index| shard(source, heap, index));
    heap.quarantined.sort_unstable();
    heap.quarantined.dedup();
}

fn depot(source: &Source<'_>, heap: &mut Heap) {
    let (at, layout) = (source.channel.depot.get() as u64, &source.channel.depot_layout);
    let chunks = (layout.chunks_all as usize).min(MOST);
    if chunks == 0 {
        return;
    }
    let mut add = |start: u64, len: u32| heap.records.extend((start != 0).then_some(Range { start, len: len.into() }));
    add(source.word(at + u64::from(layout.heads)).unwrap_or(0), layout.heads_bytes);
    if let Some(all) = Record::read(source, at + u64::from(layout.chunks), chunks * 8) {
        all.words().for_each(|chunk| add(chunk, layout.chunk_bytes));
    }
}

fn shards(source: &Source<'_>) -> u64 {
    source.channel.shards.min(256).into()
}

fn shard_record(source: &Source<'_>, index: u64) -> Option<Record> {
    let layout = &source.channel.quarantine_layout;
    let at = source.channel.quarantine.get() as u64 + index * u64::from(layout.shard);
    Record::read(source, at, layout.shard as usize)
}

/// Adds the calls that were served in the quarantine.
pub fn calls(source: &Source<'_>, calls: &mut [u64]) {
    let at = source.channel.quarantine_layout.calls as usize;
    for shard in (0..shards(source)).filter_map(|index| shard_record(source, index)) {
        calls.iter_mut().enumerate().for_each(|(operation, sum)| *sum += shard.u64(at + 8 * operation));
    }
}

fn shard(source: &Source<'_>, heap: &mut Heap, index: u64) {
    let layout = &source.channel.quarantine_layout;
    let Some(shard) = shard_record(source, index) else { return };
    let queue = shard.u64(layout.queue as usize);
    let Some(queue) = (queue != 0).then(|| Record::untouched(source, queue, layout.bytes as usize)).flatten() else {
        return;
    };
    for (first, count) in [(layout.shuffled, layout.shuffled_all), (layout.queued, layout.queued_all)] {
        let places = (0..(count as usize).min(MOST)).map(|place| queue.u64(first as usize + 16 * place));
        heap.quarantined.extend(places.filter(|&block| block != 0));
    }
    for class in 0..source.channel.slab_classes as usize {
        let ready = layout.ready as usize + class * layout.ready_step as usize;
        let count = (queue.u64(ready + layout.ready_count as usize) as usize).min(layout.ready_step as usize / 8);
        let objects = (0..count).map(|object| queue.u64(ready + layout.ready_objects as usize + 8 * object));
        heap.quarantined.extend(objects.filter(|&object| object != 0));
    }
}
