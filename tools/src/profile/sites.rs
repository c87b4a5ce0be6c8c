//! The names of a profile's frames.

use super::{Profile, Stack};
use crate::process::maps::{self, Map};
use crate::symbols::{Place, Places, Symbols};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Names for the frames of one process.
pub struct Sites {
    maps: Vec<Map>,
    symbols: Symbols,
    known: HashMap<u64, Places>,
    build_ids: HashMap<String, Vec<u8>>,
}

impl Sites {
    /// For a profile. Files of debug information are looked for in these directories first.
    pub fn of(profile: &Profile, debug_directories: &[PathBuf]) -> Self {
        Self::in_maps(maps::parse(&profile.maps), debug_directories)
    }

    /// For frames in these maps.
    pub fn in_maps(maps: Vec<Map>, debug_directories: &[PathBuf]) -> Self {
        Self { maps, symbols: Symbols::new(debug_directories), known: HashMap::new(), build_ids: HashMap::new() }
    }

    /// From here on a frame has these places, whatever the files say.
    pub fn know(&mut self, frame: u64, places: Vec<Place>) {
        self.known.insert(frame, places.into());
    }

    /// From here on a file has this build id.
    pub fn know_build_id(&mut self, file: &str, build_id: &[u8]) {
        self.build_ids.insert(file.to_owned(), build_id.to_vec());
    }

    /// The build id of a map's file; empty if it has none.
    pub fn build_id(&self, map: &Map) -> Vec<u8> {
        let known = self.build_ids.get(&map.name).cloned();
        known.unwrap_or_else(|| crate::elf::build_id_of(Path::new(&map.name)).unwrap_or_default())
    }

    /// The map that an address is in.
    pub fn map(&self, address: u64) -> Option<&Map> {
        let behind = self.maps.partition_point(|map| map.start <= address);
        self.maps.get(behind.checked_sub(1)?).filter(|map| map.holds(address))
    }

    /// All maps.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// The places of a return address, innermost first: at least one, which says the module and the address where nothing
    /// else is known.
    pub fn places(&mut self, frame: u64) -> Places {
        if let Some(known) = self.known.get(&frame) {
            return known.clone();
        }
        // The call is before the address that it returns to.
        let call = frame.saturating_sub(1);
        let map = self.map(call).cloned();
        let found = map.as_ref().and_then(|map| self.places_in(map, call));
        let places = found.unwrap_or_else(|| {
            let function = match map.as_ref().filter(|map| !map.name.is_empty()) {
                Some(map) => format!("{}+{:#x}", base_name(&map.name), call - map.start + map.offset),
                None => format!("{frame:#x}"),
            };
            Places::from([Place { function: Some(function), file: None, line: None }])
        });
        self.known.insert(frame, places.clone());
        places
    }

    fn places_in(&mut self, map: &Map, call: u64) -> Option<Places> {
        let path = Path::new(map.name.trim_end_matches(" (deleted)"));
        if map.inode == 0 || !path.is_file() {
            return None;
        }
        let address = self.symbols.address_of_offset(path, None, call - map.start + map.offset)?;
        let places = self.symbols.places(path, None, address);
        (!places.is_empty()).then_some(places)
    }

    /// The variable that an address is, or in whose vtable it lies.
    pub fn variable(&mut self, address: u64) -> Option<String> {
        let map = self.map(address).filter(|map| map.inode != 0).cloned()?;
        let path = Path::new(map.name.trim_end_matches(" (deleted)"));
        let at = self.symbols.address_of_offset(path, None, address - map.start + map.offset)?;
        let (name, offset) = self.symbols.variable(path, at)?;
        let table = name.strip_prefix("{vtable(").and_then(|rest| rest.strip_suffix(")}"));
        table.map(|of| format!("vtable for {of}")).or_else(|| (offset == 0).then_some(name))
    }

    /// The frames of a stack as places, innermost first, inlined functions among them.
    pub fn stack(&mut self, stack: &Stack) -> Vec<Place> {
        let frames: Vec<_> = stack.frames.iter().map(|&frame| self.places(frame)).collect();
        frames.iter().flat_map(|places| places.iter().cloned()).collect()
    }
}

/// A place's function, or what else is known.
pub fn function(place: &Place) -> &str {
    place.function.as_deref().unwrap_or("??")
}

/// The part of a path behind its last slash.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
