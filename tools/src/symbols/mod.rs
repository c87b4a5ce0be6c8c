//! Addresses in programs and libraries as functions, source files and lines.
//!
//! A [`Symbols`] reads each module once and keeps what it has found. Debug information is in the module itself, or in
//! a file of its own: by the build id under /usr/lib/debug/.build-id, or by the module's debug link. Without it the
//! symbol table says the function alone. A damaged file gives no places, or wrong ones; it never ends the process.

mod demangle;
mod module;
mod names;
mod quiet;
pub mod report;
mod separate;

use module::Module;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an address belongs to. An address in inlined code has several places, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The function, demangled.
    pub function: Option<String>,
    /// The source file, as the compiler was given it.
    pub file: Option<String>,
    /// The line in it, if known.
    pub line: Option<u32>,
}

impl std::fmt::Display for Place {
    /// `function at file:line`, as far as it is known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.as_deref().unwrap_or("??"))?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " at {file}:{line}"),
            _ => Ok(()),
        }
    }
}

/// The places of an address. They are shared with the cache.
pub type Places = Arc<[Place]>;

/// The modules that have been read.
pub struct Symbols {
    debug_directories: Vec<PathBuf>,
    modules: HashMap<(PathBuf, Option<Vec<u8>>), Option<Module>>,
}

impl Symbols {
    /// No module has been read. Debug files are looked for in these directories, and then in /usr/lib/debug.
    pub fn new(debug_directories: &[PathBuf]) -> Self {
        let mut debug_directories = debug_directories.to_vec();
        debug_directories.push(PathBuf::from("/usr/lib/debug"));
        Self { debug_directories, modules: HashMap::new() }
    }

    /// The places of an address that is relative to where the module is loaded, as reports and `addr2line -e` have it.
    /// None if the module has no symbols there, or another build id than the one that is given.
    pub fn places(&mut self, module: &Path, build_id: Option<&[u8]>, address: u64) -> Places {
        let none = || Places::from([]);
        let Some(module) = self.module(module, build_id) else { return none() };
        quiet::quietly(|| module.places(address)).unwrap_or_else(none)
    }

    /// The variable that an address lies in, and the offset in it.
    pub fn variable(&mut self, module: &Path, address: u64) -> Option<(String, u64)> {
        self.module(module, None)?.variable(address)
    }

    /// The address for `places` of a byte of the module's file, as the offsets in /proc/PID/maps are given.
    pub fn address_of_offset(&mut self, module: &Path, build_id: Option<&[u8]>, offset: u64) -> Option<u64> {
        self.module(module, build_id)?.address_of_offset(offset)
    }

    fn module(&mut self, path: &Path, build_id: Option<&[u8]>) -> Option<&mut Module> {
        let key = (path.to_path_buf(), build_id.map(<[u8]>::to_vec));
        let directories = &self.debug_directories;
        let read = || quiet::quietly(|| Module::read(path, build_id, directories)).flatten();
        self.modules.entry(key).or_insert_with(read).as_mut()
    }
}

#[cfg(test)]
mod tests;
