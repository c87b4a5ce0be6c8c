//! The calls of a chunk as columns, each of which is compressed by itself: what is alike stands together.
//!
//! ```text
//! the kinds of calls: call, size, alignment and stack, the most frequent first
//! for each call:   which kind it is; the time since the call before
//!                  how its new address is found, and the numbers that this needs
//!                  which block it takes back, and the numbers that this needs
//! ```

use super::model::{Model, class_of};
use super::varint::{folded, put, take, unfolded};
use crate::trace::event::Call;
use crate::trace::record::Record;
use std::collections::HashMap;
use zstd::bulk::{Compressor, Decompressor};

/// No chunk has more calls.
pub const MOST: usize = 1 << 20;
const COLUMNS: usize = 7;
/// More takes longer, and saves hardly anything.
const LEVEL: i32 = 3;
/// Of `kinds`: the kind's number comes in the next column.
const RARE: u8 = 255;

/// How a new address is found.
mod new {
    /// The block of its class that was freed last.
    pub const FREED_LAST: u8 = 0;
    /// Where the last one of its class leads to.
    pub const FOLLOWING: u8 = 1;
    /// So many times 16 bytes from the last one of its class.
    pub const GRAINS: u8 = 2;
    /// So many bytes from there.
    pub const BYTES: u8 = 3;
    /// Null.
    pub const NULL: u8 = 4;
    /// `realloc` left the block where it was.
    pub const IN_PLACE: u8 = 5;
}

/// Of the column of blocks that are taken back: null, one of no allocation of the chunk, else its rank behind these.
const TAKES_NULL: u64 = 0;
const TAKES_STRANGER: u64 = 1;
const RANKS: u64 = 2;

/// What calls have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Kind {
    call: Call,
    align: u8,
    size: u64,
    stack: u32,
}

impl Kind {
    fn of(record: &Record) -> Self {
        Self { call: record.call, align: record.align, size: record.size, stack: record.stack }
    }
}

/// Columns that are being written or read.
#[derive(Default)]
struct Columns {
    dictionary: Vec<u8>,
    kinds: Vec<u8>,
    rare: Vec<u8>,
    times: Vec<u8>,
    hows: Vec<u8>,
    addresses: Vec<u8>,
    taken: Vec<u8>,
}

impl Columns {
    fn list(&self) -> [&Vec<u8>; COLUMNS] {
        [&self.dictionary, &self.kinds, &self.rare, &self.times, &self.hows, &self.addresses, &self.taken]
    }
}

/// Packs calls of one thread. `begun` is a clock before the first.
pub fn pack(records: &[Record], begun: u64) -> std::io::Result<Vec<u8>> {
    let (dictionary, places) = dictionary(records);
    let mut columns = Columns { dictionary, ..Columns::default() };
    let mut model = Model::default();
    let mut before = begun;
    for (record, place) in records.iter().zip(places) {
        columns.kinds.push(u8::try_from(place).unwrap_or(RARE));
        if place >= RARE.into() {
            put(&mut columns.rare, u64::from(place) - u64::from(RARE));
        }
        let now = record.clock.max(before);
        put(&mut columns.times, now - before);
        before = now;
        if record.call.is_free() || record.call == Call::Realloc {
            put_taken(&mut columns, &mut model, record);
        }
        if !record.call.is_free() {
            put_new(&mut columns, &mut model, record);
        }
    }
    let mut out = Vec::new();
    let mut compressor = Compressor::new(LEVEL)?;
    for column in columns.list() {
        let packed = compressor.compress(column)?;
        // What is short grows by it.
        let is_plain = packed.len() >= column.len();
        put(&mut out, column.len() as u64 * 2 + u64::from(is_plain));
        if !is_plain {
            put(&mut out, packed.len() as u64);
        }
        out.extend_from_slice(if is_plain { column } else { &packed });
    }
    Ok(out)
}

/// The dictionary's column, and the place in it of each record's kind.
fn dictionary(records: &[Record]) -> (Vec<u8>, Vec<u32>) {
    let mut known: HashMap<Kind, u32, foldhash::fast::FixedState> = HashMap::default();
    let mut kinds: Vec<(Kind, u32, u32)> = Vec::new();
    let mut places = Vec::with_capacity(records.len());
    let mut before = None;
    for record in records {
        let kind = Kind::of(record);
        // A kind often comes again at once.
        let place = match before {
            Some((same, place)) if same == kind => place,
            _ => *known.entry(kind).or_insert_with(|| {
                let place = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
                kinds.push((kind, 0, place));
                place
            }),
        };
        before = Some((kind, place));
        kinds[place as usize].1 += 1;
        places.push(place);
    }
    kinds.sort_unstable_by_key(|&(kind, count, _)| (std::cmp::Reverse(count), kind));
    let mut sorted = vec![0; kinds.len()];
    for (place, &(_, _, first)) in (0..).zip(&kinds) {
        sorted[first as usize] = place;
    }
    places.iter_mut().for_each(|place| *place = sorted[*place as usize]);
    let mut out = Vec::new();
    for (kind, ..) in &kinds {
        out.push(kind.call as u8 | u8::from(kind.align != 0) << 4 | u8::from(kind.stack != 0) << 5);
        if !kind.call.is_free() {
            put(&mut out, kind.size);
        }
        if kind.align != 0 {
            out.push(kind.align);
        }
        if kind.stack != 0 {
            put(&mut out, kind.stack.into());
        }
    }
    (out, places)
}

fn put_taken(columns: &mut Columns, model: &mut Model, record: &Record) {
    if record.old == 0 {
        return put(&mut columns.taken, TAKES_NULL);
    }
    if let Some(rank) = model.rank(record.old) {
        put(&mut columns.taken, RANKS + u64::from(rank));
    } else {
        put(&mut columns.taken, TAKES_STRANGER);
        put(&mut columns.taken, folded(record.old.wrapping_sub(model.stranger()).cast_signed().rotate_right(4)));
    }
    if record.taken() != 0 {
        model.take(record.old);
    }
}

fn put_new(columns: &mut Columns, model: &mut Model, record: &Record) {
    let class = class_of(record.size);
    let address = record.new;
    let from_last = address.wrapping_sub(model.last(class)).cast_signed();
    let how = match address {
        0 => new::NULL,
        _ if record.call == Call::Realloc && address == record.old => new::IN_PLACE,
        _ if model.freed_last(class) == Some(address) => new::FREED_LAST,
        _ if model.following(class) == address => new::FOLLOWING,
        _ if from_last % 16 == 0 => new::GRAINS,
        _ => new::BYTES,
    };
    columns.hows.push(how);
    match how {
        new::GRAINS => put(&mut columns.addresses, folded(from_last / 16)),
        new::BYTES => put(&mut columns.addresses, folded(from_last)),
        _ => {}
    }
    if address != 0 {
        model.give(address, class);
    }
}

/// Unpacks so many calls. `None` if the bytes are not what `pack` has made of as many.
pub fn unpack(mut bytes: &[u8], count: usize, begun: u64) -> Option<Vec<Record>> {
    if count > MOST {
        return None;
    }
    let mut columns = Vec::with_capacity(COLUMNS);
    let mut decompressor = Decompressor::new().ok()?;
    for _ in 0..COLUMNS {
        columns.push(column(&mut bytes, count, &mut decompressor)?);
    }
    let [dictionary, kinds, rare, times, hows, addresses, taken] = <[Vec<u8>; COLUMNS]>::try_from(columns).ok()?;
    let dictionary = kinds_of(&dictionary)?;
    let mut reader = Reader {
        rare: &rare,
        times: &times,
        hows: &hows,
        addresses: &addresses,
        taken: &taken,
        model: Model::default(),
    };
    if kinds.len() != count || !bytes.is_empty() {
        return None;
    }
    let mut records = Vec::with_capacity(count);
    let mut clock = begun;
    for &kind in &kinds {
        let place = if kind == RARE { take(&mut reader.rare)? + u64::from(RARE) } else { kind.into() };
        let kind = dictionary.get(usize::try_from(place).ok()?)?;
        clock = clock.checked_add(take(&mut reader.times)?)?;
        records.push(reader.record(kind, clock)?);
    }
    reader.is_over().then_some(records)
}

fn column(bytes: &mut &[u8], count: usize, decompressor: &mut Decompressor<'_>) -> Option<Vec<u8>> {
    let head = take(bytes)?;
    let len = usize::try_from(head / 2).ok().filter(|&len| len <= 32 * count + 64)?;
    if head % 2 == 1 {
        return Some(bytes.split_off(..len)?.to_vec());
    }
    let packed = usize::try_from(take(bytes)?).ok()?;
    let packed = bytes.split_off(..packed)?;
    decompressor.decompress(packed, len).ok().filter(|column| column.len() == len)
}

fn kinds_of(mut bytes: &[u8]) -> Option<Vec<Kind>> {
    let mut kinds = Vec::new();
    while let Some((&head, rest)) = bytes.split_first() {
        bytes = rest;
        let call = Call::of(u64::from(head & 15))?;
        let size = if call.is_free() { 0 } else { take(&mut bytes)? };
        let align = if head & 16 != 0 { *bytes.split_off_first()? } else { 0 };
        let stack = if head & 32 != 0 { u32::try_from(take(&mut bytes)?).ok()? } else { 0 };
        kinds.push(Kind { call, align, size, stack });
    }
    Some(kinds)
}

/// What is left of the columns.
struct Reader<'a> {
    rare: &'a [u8],
    times: &'a [u8],
    hows: &'a [u8],
    addresses: &'a [u8],
    taken: &'a [u8],
    model: Model,
}

impl Reader<'_> {
    fn record(&mut self, kind: &Kind, clock: u64) -> Option<Record> {
        let &Kind { call, align, size, stack } = kind;
        let mut record = Record { clock, call, new: 0, old: 0, size, align, stack };
        if call.is_free() || call == Call::Realloc {
            record.old = self.old()?;
        }
        // A realloc takes nothing back if it failed: what it returned is known first.
        if call.is_free() {
            if record.old != 0 {
                self.model.take(record.old);
            }
            return Some(record);
        }
        let how = *self.hows.split_off_first()?;
        if call == Call::Realloc && record.old != 0 && (how != new::NULL || size == 0) {
            self.model.take(record.old);
        }
        let class = class_of(size);
        record.new = match how {
            new::FREED_LAST => self.model.freed_last(class)?,
            new::FOLLOWING => self.model.following(class),
            new::GRAINS => self.behind_last(class, 16)?,
            new::BYTES => self.behind_last(class, 1)?,
            new::NULL => 0,
            new::IN_PLACE => record.old,
            _ => return None,
        };
        if record.new != 0 {
            self.model.give(record.new, class);
        } else if how != new::NULL {
            return None;
        }
        Some(record)
    }

    fn behind_last(&mut self, class: u32, unit: i64) -> Option<u64> {
        let difference = unfolded(take(&mut self.addresses)?).wrapping_mul(unit);
        Some(self.model.last(class).wrapping_add_signed(difference))
    }

    fn old(&mut self) -> Option<u64> {
        match take(&mut self.taken)? {
            TAKES_NULL => Some(0),
            TAKES_STRANGER => {
                let difference = unfolded(take(&mut self.taken)?).rotate_left(4);
                Some(self.model.stranger().wrapping_add_signed(difference))
            }
            rank => self.model.ranked(u32::try_from(rank - RANKS).ok()?),
        }
    }

    fn is_over(&self) -> bool {
        [self.rare, self.times, self.hows, self.addresses, self.taken].iter().all(|rest| rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any calls, sensible or not, as long as each has what its kind of call has.
    fn records() -> impl Strategy<Value = Vec<Record>> {
        let address = prop_oneof![Just(0), (1..40u64).prop_map(|at| at * 16), (0..1u64 << 48)];
        let one = (1..8u64, address.clone(), address, 0..3000u64, 0..3u8, 0..3u32, 0..5000u64);
        proptest::collection::vec(one, 0..300).prop_map(|ones| {
            let mut clock = 77;
            let record = |(call, new, old, size, align, stack, passed)| {
                clock += passed;
                let call = Call::of(call).unwrap();
                let mut record = Record { clock, call, new, old: 0, size, align, stack };
                if call.is_free() {
                    (record.new, record.old, record.size, record.align, record.stack) = (0, old, 0, 0, 0);
                } else if call == Call::Realloc {
                    record.old = old;
                }
                record
            };
            ones.into_iter().map(record).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

        #[test]
        fn calls_come_back(records in records()) {
            let packed = pack(&records, 77).unwrap();
            prop_assert_eq!(unpack(&packed, records.len(), 77), Some(records));
        }

        #[test]
        fn bytes_that_nobody_has_packed_do_no_harm(records in records(), at in 0..1000usize, byte in 0..255u8, count in 0..400usize) {
            let mut packed = pack(&records, 77).unwrap();
            let at = at % packed.len();
            packed[at] = byte;
            // Anything but a crash: the checksum is what notices it.
            let found = unpack(&packed, count, 77);
            prop_assert!(found.is_none_or(|found| found.len() == count));
        }
    }
}
