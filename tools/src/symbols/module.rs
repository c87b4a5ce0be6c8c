//! A module that has been read: its debug information and its functions' names.

use super::demangle::demangle;
use super::names::Names;
use super::separate::{self, Bytes};
use super::{Place, Places};
use addr2line::{Context, LookupContinuation, LookupResult, SplitDwarfLoad};
use gimli::{EndianArcSlice, Reader, RunTimeEndian};
use object::{Object, ObjectSection, ObjectSegment};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Slice = EndianArcSlice<RunTimeEndian>;

/// Inlined functions in each other. There are never so many, but for damaged files.
const DEEPEST: usize = 256;

/// A segment of the file: where it is loaded, relative to the module, and where it stands in the file.
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// What is known of a module.
pub struct Module {
    context: Option<Context<Slice>>,
    names: Names,
    data: Names,
    segments: Vec<Segment>,
    known: HashMap<u64, Places>,
}

impl Module {
    /// Reads a module, and the file with its debug information. `None` if it is no ELF file, or not the one that is
    /// meant.
    pub fn read(path: &Path, build_id: Option<&[u8]>, directories: &[PathBuf]) -> Option<Self> {
        let bytes = separate::read(path)?;
        let file = object::File::parse(&*bytes).ok()?;
        if build_id.is_some() && file.build_id().ok().flatten() != build_id {
            return None;
        }
        let segments = file.segments().map(|segment| {
            let (offset, size) = segment.file_range();
            Segment { address: segment.address(), offset, size }
        });
        let segments = segments.collect();
        let mut names = Names::of(&file);
        let mut data = Names::of_data(&file);
        let has_symbols = file.symbols().next().is_some();
        let (mut context, mut debug) = (None, None);
        if file.section_by_name(".debug_info").is_some() {
            context = context_of(&bytes, &file, path, directories);
        } else {
            debug = separate::debug_file(path, &file, directories);
        }
        if let Some((bytes, file)) = debug.as_ref().and_then(|bytes| Some((bytes, object::File::parse(&**bytes).ok()?)))
        {
            context = context_of(bytes, &file, path, directories);
            let of_debug_file = if has_symbols { Names::default() } else { Names::of(&file) };
            if !of_debug_file.is_empty() {
                names = of_debug_file;
                data = Names::of_data(&file);
            }
        }
        Some(Self { context, names, data, segments, known: HashMap::new() })
    }

    /// The address of a byte of the file.
    pub fn address_of_offset(&self, offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let within = offset.checked_sub(segment.offset).filter(|&within| within < segment.size)?;
            segment.address.checked_add(within)
        })
    }

    /// The variable that an address lies in, demangled, and the offset in it.
    pub fn variable(&self, address: u64) -> Option<(String, u64)> {
        self.data.find_with_start(address).map(|(name, start)| (demangle(name), address - start))
    }

    /// The places of an address.
    pub fn places(&mut self, address: u64) -> Places {
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let places: Places = self.look_up(address).into();
        self.known.insert(address, places.clone());
        places
    }

    fn look_up(&self, address: u64) -> Vec<Place> {
        let mut places = self.context.as_ref().map(|context| frames(context, address)).unwrap_or_default();
        let named = || self.names.find(address).map(demangle);
        match places.last_mut() {
            Some(outermost) if outermost.function.is_none() => outermost.function = named(),
            Some(_) => {}
            None => places.extend(named().map(|name| Place { function: Some(name), file: None, line: None })),
        }
        places
    }
}

fn frames(context: &Context<Slice>, address: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let mut lookup = context.find_frames(address);
    let mut found = loop {
        match lookup {
            LookupResult::Output(Ok(found)) => break found,
            LookupResult::Output(Err(_)) => return places,
            LookupResult::Load { load, continuation } => lookup = continuation.resume(split(load)),
        }
    };
    while let (true, Ok(Some(frame))) = (places.len() < DEEPEST, found.next()) {
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
        let (file, line) = frame.location.map_or((None, None), |at| (at.file.map(str::to_owned), at.line));
        // Line 0 stands for code that belongs to no line.
        let place = Place { function: name.map(|name| demangle(&name)), file, line: line.filter(|&line| line != 0) };
        if place.function.is_some() || (place.file.is_some() && place.line.is_some()) {
            places.push(place);
        }
    }
    places
}

fn context_of(bytes: &Bytes, file: &object::File<'_>, path: &Path, directories: &[PathBuf]) -> Option<Context<Slice>> {
    let mut dwarf = gimli::Dwarf::load(|id| section(bytes, file, id.name())).ok()?;
    if let Some(shared) = separate::shared_file(path, file, directories) {
        let file = object::File::parse(&*shared).ok()?;
        dwarf.load_sup(|id| section(&shared, &file, id.name())).ok()?;
    }
    dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
    Context::from_dwarf(dwarf).ok()
}

/// A section of a file; an empty one if there is none.
fn section(bytes: &Bytes, file: &object::File<'_>, name: &str) -> Result<Slice, gimli::Error> {
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let empty = || Slice::new(Arc::from([]), endian);
    let Some(section) = file.section_by_name(name) else { return Ok(empty()) };
    let range = section.compressed_file_range().ok();
    let whole = range.filter(|range| range.format == object::CompressionFormat::None).and_then(|range| {
        let start = usize::try_from(range.offset).ok()?;
        let end =
            start.checked_add(usize::try_from(range.uncompressed_size).ok()?).filter(|&end| end <= bytes.len())?;
        Some(Slice::new(bytes.clone(), endian).range(start..end))
    });
    let unpacked =
        || section.uncompressed_data().map_or_else(|_| empty(), |data| Slice::new(Arc::from(&*data), endian));
    Ok(whole.unwrap_or_else(unpacked))
}

/// The file of a compilation unit whose debug information stands apart (`-gsplit-dwarf`).
fn split(load: SplitDwarfLoad<Slice>) -> Option<Arc<gimli::Dwarf<Slice>>> {
    let text = |slice: &Slice| slice.to_slice().ok().map(|bytes| PathBuf::from(OsStr::from_bytes(&bytes)));
    let directory = load.comp_dir.as_ref().and_then(text).unwrap_or_default();
    let bytes = separate::read(&directory.join(load.path.as_ref().and_then(text)?))?;
    let file = object::File::parse(&*bytes).ok()?;
    let mut dwarf = gimli::Dwarf::load(|id| match id.dwo_name() {
        Some(name) => section(&bytes, &file, name),
        None => section(&bytes, &file, ""),
    })
    .ok()?;
    let header = dwarf.units().next().ok()??;
    if dwarf.unit(header).ok()?.dwo_id != Some(load.dwo_id) {
        return None;
    }
    dwarf.make_dwo(&load.parent);
    Some(Arc::new(dwarf))
}
