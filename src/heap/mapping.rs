//! Mappings: requests at or above the cutoff, each an mmap of its own.
//!
//! A mapping starts at a unit and owns whole units, so no unit holds foreign memory beside it. Only its first unit,
//! where the program's pointer leads, is in the page map. Only its record knows the rest. There is no lock: records
//! come from a lock-free pool, and the page map is written with atomic stores. So a signal handler that interrupts an
//! allocation can always be served here.

use super::check::Broken;
use super::page_map::PageMap;
use super::range_record::{Kind, RangeRecord, RecordPool};
use crate::base::config::UNIT;
use crate::base::shared::{AtomicU32, AtomicUsize};
use crate::base::{align, pointer};
use crate::sys::pages::{self, PageSource};
use core::sync::atomic::Ordering::Relaxed;

/// What mappings hold.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct MappingFigures {
    /// Mappings in use.
    pub count: usize,
    /// Bytes of the mappings in use.
    pub bytes: usize,
    /// The most `count` has been.
    pub peak_count: usize,
    /// The most `bytes` has been.
    pub peak_bytes: usize,
}

/// All mappings of a process.
pub struct Mappings<S: PageSource + 'static> {
    source: S,
    map: &'static PageMap,
    records: &'static RecordPool,
    /// Where the next mapping may end: below the last one, so that it starts aligned without trimming.
    hint: AtomicUsize,
    count: AtomicUsize,
    bytes: AtomicUsize,
    peak_count: AtomicUsize,
    peak_bytes: AtomicUsize,
    retained: AtomicUsize,
    /// What new mappings ask the system for: 0 nothing, 1 huge pages, 2 none.
    huge: AtomicU32,
    /// Start and length of the mappings freed last, for telling a double free, as the page map has forgotten them.
    freed: [[AtomicUsize; 2]; FREED],
    freed_next: AtomicUsize,
}

/// How many freed mappings are remembered.
const FREED: usize = 64;

impl<S: PageSource + 'static> Mappings<S> {
    /// No mappings.
    pub const fn new(source: S, map: &'static PageMap, records: &'static RecordPool) -> Self {
        Self {
            source,
            map,
            records,
            hint: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            peak_count: AtomicUsize::new(0),
            peak_bytes: AtomicUsize::new(0),
            retained: AtomicUsize::new(0),
            huge: AtomicU32::new(0),
            freed: [const { [const { AtomicUsize::new(0) }; 2] }; FREED],
            freed_next: AtomicUsize::new(0),
        }
    }

    /// What the mappings hold.
    pub fn figures(&self) -> MappingFigures {
        MappingFigures {
            count: self.count.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            peak_count: self.peak_count.load(Relaxed),
            peak_bytes: self.peak_bytes.load(Relaxed),
        }
    }

    /// Maps zeroed memory for `n` bytes, aligned to `align` (a power of two) and at least to a unit. `None` if the
    /// system gives no more.
    pub fn alloc(&self, n: usize, align: usize) -> Option<&'static RangeRecord> {
        let len = align::up_checked(n.max(1), UNIT)?;
        let align = align.max(UNIT);
        let record = match self.take_retained(len, align) {
            Some(record) => record,
            None => self.map_new(len, align)?,
        };
        record.set_wanted(n);
        if !self.map.set(&self.source, record.start(), UNIT, record) {
            self.give_back(record);
            return None;
        }
        record.set_kind(Kind::Mapping);
        let count = self.count.fetch_add(1, Relaxed) + 1;
        self.peak_count.fetch_max(count, Relaxed);
        self.add_bytes(record.len());
        Some(record)
    }

    fn add_bytes(&self, len: usize) {
        let bytes = self.bytes.fetch_add(len, Relaxed) + len;
        self.peak_bytes.fetch_max(bytes, Relaxed);
    }

    fn map_new(&self, len: usize, align: usize) -> Option<&'static RangeRecord> {
        let record = self.records.take(&self.source)?;
        let hint = align::down(self.hint.load(Relaxed).saturating_sub(len), align);
        let Some(start) = pages::map_aligned(&self.source, hint, len, align) else {
            self.records.put(record);
            return None;
        };
        self.hint.store(start, Relaxed);
        record.start.store(start, Relaxed);
        record.len.store(len, Relaxed);
        match self.huge.load(Relaxed) {
            0 => {}
            asked => self.source.advise_huge(start, len, asked == 1),
        }
        Some(record)
    }

    /// Sets whether new mappings ask for huge pages, for none, or for nothing.
    pub fn set_huge(&self, wanted: Option<bool>) {
        self.huge.store(wanted.map_or(0, |wanted| if wanted { 1 } else { 2 }), Relaxed);
    }

    /// Gives a mapping back. Returns false if another caller has just done so.
    pub fn free(&self, record: &'static RangeRecord) -> bool {
        if !record.claim(Kind::Mapping) {
            return false;
        }
        self.count.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(record.len(), Relaxed);
        // It leaves the map first, because its addresses may belong to another thread as soon as it is unmapped.
        self.map.clear(record.start(), UNIT);
        self.hint.store(record.end(), Relaxed);
        let [start, len] = &self.freed[self.freed_next.fetch_add(1, Relaxed) % FREED];
        start.store(record.start(), Relaxed);
        len.store(record.len(), Relaxed);
        self.give_back(record);
        true
    }

    /// Unmaps a mapping. If the system refuses (it may be out of map entries), empties its pages and keeps it for
    /// later.
    fn give_back(&self, record: &'static RangeRecord) {
        // SAFETY: the mapping is claimed, so nothing uses it any more.
        #[expect(unsafe_code, reason = "the claimed mapping is ours alone")]
        unsafe {
            if self.source.unmap(record.start(), record.len()) {
                self.records.put(record);
                return;
            }
            if !self.source.purge(record.start(), record.len()) {
                pointer::at_mut::<u8>(record.start()).write_bytes(0, record.len());
            }
        }
        record.set_kind(Kind::Retained);
        self.retained.fetch_add(1, Relaxed);
    }

    /// Tries again to give back what the system has refused to take, and returns how many bytes it took.
    pub fn release_retained(&self) -> usize {
        let mut given = 0;
        if self.retained.load(Relaxed) != 0 {
            self.records.find(|record| {
                if record.kind() == Kind::Retained && record.claim(Kind::Retained) {
                    // SAFETY: the mapping is claimed, so nothing uses it.
                    #[expect(unsafe_code, reason = "the claimed mapping is ours alone")]
                    let done = unsafe { self.source.unmap(record.start(), record.len()) };
                    if done {
                        self.retained.fetch_sub(1, Relaxed);
                        given += record.len();
                        self.records.put(record);
                    } else {
                        record.set_kind(Kind::Retained);
                    }
                }
                false
            });
        }
        given
    }

    /// Bytes of the mappings that the system has refused to take.
    pub fn retained_bytes(&self) -> usize {
        let mut bytes = 0;
        if self.retained.load(Relaxed) != 0 {
            self.records.find(|record| {
                bytes += if record.kind() == Kind::Retained { record.len() } else { 0 };
                false
            });
        }
        bytes
    }

    /// Takes a retained mapping that fits, if no more than half of it is wasted.
    fn take_retained(&self, len: usize, align: usize) -> Option<&'static RangeRecord> {
        if self.retained.load(Relaxed) == 0 {
            return None;
        }
        let record = self.records.find(|record| {
            // Another thread may take it meanwhile, and it may be retained again, smaller or elsewhere.
            let state = record.state();
            record.kind() == Kind::Retained
                && (len..=2 * len).contains(&record.len())
                && align::is(record.start(), align)
                && record.claim_unchanged(state)
        })?;
        self.retained.fetch_sub(1, Relaxed);
        Some(record)
    }

    /// Whether a mapping serves `n` bytes as it is. If so, this notes that so many are asked for. It does not claim the
    /// mapping for that, as a program that grows by one byte at a time would pay for it. A program that frees or
    /// resizes the mapping meanwhile uses what it gives away. Then the number may be wrong, or be that of another
    /// mapping. See `RangeRecord::wanted`.
    pub fn keep(&self, record: &RangeRecord, n: usize) -> bool {
        let fits = align::up_checked(n.max(1), UNIT) == Some(record.len()) && record.kind() == Kind::Mapping;
        if fits {
            record.set_wanted(n);
        }
        fits
    }

    /// Changes the size of a mapping to fit `n` bytes, in place or by moving its pages. It copies only if address space
    /// is short. Returns the new start, or `None` if the system refuses: then all is as it was.
    pub fn resize(&self, record: &'static RangeRecord, n: usize) -> Option<usize> {
        let len = align::up_checked(n.max(1), UNIT)?;
        if !record.claim(Kind::Mapping) {
            return None;
        }
        let (old_start, old_len) = (record.start(), record.len());
        let start = if len == old_len { Some(old_start) } else { self.remap(record, len) };
        if start.is_some() {
            record.set_wanted(n);
            record.len.store(len, Relaxed);
            if len >= old_len {
                self.add_bytes(len - old_len);
            } else {
                self.bytes.fetch_sub(old_len - len, Relaxed);
            }
        }
        record.set_kind(Kind::Mapping);
        start
    }

    fn remap(&self, record: &'static RangeRecord, len: usize) -> Option<usize> {
        let (start, old_len) = (record.start(), record.len());
        // SAFETY: the mapping is claimed. In place its addresses stay valid, and if it moves the caller gets the new
        // ones.
        #[expect(unsafe_code, reason = "the claimed mapping is ours alone")]
        unsafe {
            if self.source.remap(start, old_len, len, 0) {
                return Some(start);
            }
            let Some(to) = self.reserve_to_grow(len, len.saturating_sub(old_len)) else {
                return self.remap_and_slide(record, len);
            };
            if !self.map.set(&self.source, to, UNIT, record) {
                self.source.unreserve(to, len);
                return None;
            }
            // The old unit leaves the map first, because its addresses may belong to another thread as soon as the
            // pages have moved.
            self.map.clear(start, UNIT);
            if !self.source.remap(start, old_len, len, to) {
                // The leaf is there, so this cannot fail.
                let _ = self.map.set(&self.source, start, UNIT, record);
                // The kernel may have unmapped the target before it failed, and another thread may have it by now, so
                // this must not unmap it. If it is still there, some untouchable address space is lost.
                self.map.clear_if(to, record);
                return None;
            }
            record.start.store(to, Relaxed);
            Some(to)
        }
    }

    /// Reserves `len` bytes to move to, if there is address space for them and for `more` bytes beside them. Newer
    /// kernels ask for that much, and if they refuse it is not known whether the place is still there.
    fn reserve_to_grow(&self, len: usize, more: usize) -> Option<usize> {
        let to = pages::reserve_aligned(&self.source, len, UNIT)?;
        if more != 0 {
            let beside = self.source.map(0, more);
            // SAFETY: both were mapped just now, and no other thread knows them.
            #[expect(unsafe_code, reason = "undoing the calls above")]
            unsafe {
                match beside {
                    Some(beside) => self.source.unmap(beside, more),
                    None => {
                        self.source.unreserve(to, len);
                        return None;
                    }
                };
            }
        }
        Some(to)
    }

    /// The way if there is no address space for the old place and the new at once. The kernel moves the mapping
    /// anywhere, which needs no more than the difference, and the content is then copied to the next unit.
    #[cold]
    fn remap_and_slide(&self, record: &'static RangeRecord, len: usize) -> Option<usize> {
        let (start, old_len) = (record.start(), record.len());
        let room = len.checked_add(UNIT - self.source.page_size().min(UNIT))?;
        let spare = PageMap::spare(&self.source)?;
        // The old unit leaves the map first, as in `remap`.
        self.map.clear(start, UNIT);
        // SAFETY: the mapping is claimed. The new place is known here alone, and has room for the content from its
        // first unit on.
        #[expect(unsafe_code, reason = "the claimed mapping is ours alone")]
        unsafe {
            let Some(got) = self.source.remap_anywhere(start, old_len, room) else {
                PageMap::drop_spare(&self.source, spare);
                // The leaf is there, so this cannot fail.
                let _ = self.map.set(&self.source, start, UNIT, record);
                return None;
            };
            let to = align::up(got, UNIT);
            let content: *mut u8 = pointer::at_mut(got);
            content.copy_to(content.wrapping_add(to - got), old_len.min(len));
            // If a trim fails, some address space stays unused.
            for (at, len) in [(got, to - got), (to + len, got + room - (to + len))] {
                if len != 0 {
                    self.source.unmap(at, len);
                }
            }
            self.map.set_with(&self.source, spare, to, record);
            record.start.store(to, Relaxed);
            Some(to)
        }
    }

    /// The bytes of the mapping that started at `address`, if it is one of the last freed: for reports.
    pub fn freed_at(&self, address: usize) -> Option<usize> {
        self.freed.iter().find(|[start, _]| start.load(Relaxed) == address).map(|[_, len]| len.load(Relaxed))
    }

    /// The mapping in use around `address`, anywhere in it. Looks at every record: for reports.
    pub fn locate(&self, address: usize) -> Option<&'static RangeRecord> {
        self.records.find(|record| record.kind() == Kind::Mapping && record.holds(address))
    }

    /// Calls `f` with every mapping in use.
    pub fn for_each(&self, mut f: impl FnMut(&'static RangeRecord)) {
        self.records.find(|record| {
            if record.kind() == Kind::Mapping {
                f(record);
            }
            false
        });
    }

    /// The validator: the page map knows the first unit of every mapping, and no other unit of it.
    pub fn check(&self) -> Result<(), Broken> {
        let mut broken = None;
        self.records.find(|record| {
            let state = record.state();
            if record.kind() != Kind::Mapping {
                return false;
            }
            let (start, end) = (record.start(), record.end());
            let knows = |unit: usize| self.map.get(unit).is_some_and(|found| core::ptr::eq(found, record));
            let first = align::is(start, UNIT) && knows(start);
            // A program may have given the memory to a compartment.
            let is_stray = |&unit: &usize| self.map.get(unit).is_some_and(|found| found.compartment().is_none());
            let stray = (start + UNIT..end).step_by(UNIT).find(is_stray);
            // Another thread may have freed or moved it meanwhile. Then what was seen means nothing.
            if record.is_unchanged(state) {
                broken = match (first, stray) {
                    (false, _) => Some(Broken { what: "the page map does not know a mapping", address: start }),
                    (true, Some(unit)) => Some(Broken { what: "two owners claim a unit of a mapping", address: unit }),
                    (true, None) => None,
                };
            }
            broken.is_some()
        });
        broken.map_or(Ok(()), Err)
    }
}

#[cfg(feature = "models")]
mod models;
