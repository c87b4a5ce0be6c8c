//! A profile in the format of pprof, profile.proto, with the symbols and the build ids inside.

use super::sites::Sites;
use super::{Profile, Stack, What};
use crate::failure::Failure;
use crate::symbols::Place;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::collections::HashMap;
use std::io::Write;

/// Of profile.proto: the fields that are used.
#[derive(Clone, PartialEq, Message)]
struct Proto {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, tag = "9")]
    time_nanos: i64,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    period: i64,
    #[prost(int64, tag = "14")]
    default_sample_type: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Mapping {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    memory_start: u64,
    #[prost(uint64, tag = "3")]
    memory_limit: u64,
    #[prost(uint64, tag = "4")]
    file_offset: u64,
    #[prost(int64, tag = "5")]
    filename: i64,
    #[prost(int64, tag = "6")]
    build_id: i64,
    #[prost(bool, tag = "7")]
    has_functions: bool,
    #[prost(bool, tag = "8")]
    has_filenames: bool,
    #[prost(bool, tag = "9")]
    has_line_numbers: bool,
    #[prost(bool, tag = "10")]
    has_inline_frames: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    mapping_id: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}

/// What is made so far.
struct Maker<'a> {
    proto: Proto,
    sites: &'a mut Sites,
    strings: HashMap<String, i64>,
    functions: HashMap<(i64, i64), u64>,
    locations: HashMap<u64, u64>,
}

/// The names and units of a sample's values, in the order in which pprof shows them.
const VALUES: [(&str, &str); 6] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("peak_objects", "count"),
    ("peak_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// The profile, compressed.
pub fn pprof(profile: &Profile, sites: &mut Sites, what: What) -> Result<Vec<u8>, Failure> {
    let mut maker = Maker {
        proto: Proto::default(),
        sites,
        strings: HashMap::new(),
        functions: HashMap::new(),
        locations: HashMap::new(),
    };
    maker.string("");
    for (kind, unit) in VALUES {
        let value = ValueType { kind: maker.string(kind), unit: maker.string(unit) };
        maker.proto.sample_type.push(value);
    }
    maker.proto.period_type = Some(ValueType { kind: maker.string("space"), unit: maker.string("bytes") });
    maker.proto.period = profile.rate.cast_signed();
    maker.proto.duration_nanos = profile.lasted.cast_signed() * 1_000_000;
    maker.proto.default_sample_type = maker.string(match what {
        What::InUse => "inuse_space",
        What::Allocated => "alloc_space",
        What::Peak => "peak_space",
    });
    maker.mappings();
    profile.stacks.iter().for_each(|stack| maker.sample(stack));
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let written = packed.write_all(&maker.proto.encode_to_vec()).and_then(|()| packed.finish());
    written.map_err(|error| Failure::about("pprof", error))
}

impl Maker<'_> {
    fn string(&mut self, text: &str) -> i64 {
        if let Some(&known) = self.strings.get(text) {
            return known;
        }
        let index = i64::try_from(self.proto.string_table.len()).unwrap_or(0);
        self.proto.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    fn mappings(&mut self) {
        let maps: Vec<_> = self.sites.maps().iter().filter(|map| map.inode != 0 && map.executable).cloned().collect();
        for (index, map) in maps.iter().enumerate() {
            let build_id: String = self.sites.build_id(map).iter().map(|byte| format!("{byte:02x}")).collect();
            let (filename, build_id) = (self.string(&map.name), self.string(&build_id));
            self.proto.mapping.push(Mapping {
                id: index as u64 + 1,
                memory_start: map.start,
                memory_limit: map.end,
                file_offset: map.offset,
                filename,
                build_id,
                has_functions: true,
                has_filenames: true,
                has_line_numbers: true,
                has_inline_frames: true,
            });
        }
    }

    fn sample(&mut self, stack: &Stack) {
        let amounts = [What::Allocated, What::Peak, What::InUse].map(|what| stack.amount(what));
        #[expect(clippy::cast_possible_truncation, reason = "an estimate")]
        let value =
            amounts.iter().flat_map(|amount| [amount.blocks.round() as i64, amount.bytes.cast_signed()]).collect();
        let location_id = stack.frames.iter().map(|&frame| self.location(frame)).collect();
        self.proto.sample.push(Sample { location_id, value });
    }

    fn location(&mut self, frame: u64) -> u64 {
        if let Some(&known) = self.locations.get(&frame) {
            return known;
        }
        let places = self.sites.places(frame);
        let line = places.iter().map(|place| self.line(place)).collect();
        let holds = |mapping: &&Mapping| (mapping.memory_start..mapping.memory_limit).contains(&frame);
        let mapping_id = self.proto.mapping.iter().find(holds).map_or(0, |mapping| mapping.id);
        let id = self.proto.location.len() as u64 + 1;
        self.proto.location.push(Location { id, mapping_id, address: frame.saturating_sub(1), line });
        self.locations.insert(frame, id);
        id
    }

    fn line(&mut self, place: &Place) -> Line {
        let name = self.string(super::sites::function(place));
        let filename = self.string(place.file.as_deref().unwrap_or_default());
        let next = self.proto.function.len() as u64 + 1;
        let function_id = *self.functions.entry((name, filename)).or_insert(next);
        if function_id == next {
            self.proto.function.push(Function { id: next, name, system_name: name, filename });
        }
        Line { function_id, line: place.line.unwrap_or(0).into() }
    }
}
