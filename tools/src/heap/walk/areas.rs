//! What metes has for itself: areas of records, the depot of stacks, and blocks that wait in the quarantine.

use super::{Heap, Range};
use crate::heap::source::{Record, Source};

/// More of anything than there can be.
const MOST: usize = 1 << 16;

/// Notes all areas, and reads the quarantine. `calls` that were served there are added.
pub fn read(source: &Source<'_>, heap: &mut Heap) {
    let channel = &source.channel;
    // An older version has none of this.
    let areas = (channel.areas_all as usize).min(MOST);
    if areas != 0
        && let Some(all) = Record::read(source, channel.areas.get() as u64, areas * 16)
    {
        let ends = (0..areas).map(|index| (all.u64(index * 16), all.u64(index * 16 + 8)));
        heap.records
            .extend(ends.filter(|(start, end)| *start != 0 && start < end).map(|(start, end)| Range::of(start, end)));
    }
    depot(source, heap);
    for index in 0..channel.shards.min(256) {
        shard(source, heap, index.into());
    }
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

fn shard(source: &Source<'_>, heap: &mut Heap, index: u64) {
    let layout = &source.channel.quarantine_layout;
    let at = source.channel.quarantine.get() as u64 + index * u64::from(layout.shard);
    let Some(shard) = Record::read(source, at, layout.shard as usize) else { return };
    for (operation, sum) in heap.calls.iter_mut().enumerate() {
        *sum += shard.u64(layout.calls as usize + 8 * operation);
    }
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
