//! What caches hold.

use super::cache::Cache;
use crate::base::class::SizeClass;
use crate::base::operation::Operation;
use crate::process::statics;
use core::sync::atomic::Ordering;

/// The arena of an object or a block in a cache, and its size as that arena counts it. The cache's thread may be giving
/// it back meanwhile. So a block's header and a mixed slab's record are read under the lock only: at any other time the
/// region may be unmapped, and the record become another slab's.
pub fn held_object(address: usize) -> Option<(usize, usize)> {
    if let Some(entry) = statics::PAGE_MAP.slab_entry(address) {
        let bytes = entry.class().map_or_else(|| held_in_mixed(entry.arena(), address), SizeClass::size);
        return Some((entry.arena(), bytes));
    }
    let arena = statics::PAGE_MAP.get(address)?.arena.load(Ordering::Relaxed) as usize;
    let bytes = statics::arena(arena).enter_patiently(Operation::Other)?.size_in_use(address)?;
    Some((arena, bytes))
}

/// Bytes in the calling thread's cache.
pub fn cached_by_me() -> usize {
    let mut bytes = 0;
    if let Some(cache) = Cache::mine() {
        cache.for_each_held(|object| bytes += held_object(object).map_or(0, |(_, bytes)| bytes));
    }
    bytes
}

fn held_in_mixed(arena: usize, address: usize) -> usize {
    let Some(heap) = statics::arena(arena).enter_patiently(Operation::Other) else { return 0 };
    let entry = heap.page_map().slab_entry(address).filter(|entry| entry.arena() == arena);
    entry.and_then(|entry| entry.object_at(address)).map_or(0, |object| object.class.size())
}
