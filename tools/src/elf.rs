//! What an ELF file says of itself: what it is for, what it needs, and what it exports.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::ReadCache;
use object::read::elf::{Dyn, FileHeader, Sym};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// An ELF file.
#[derive(Debug, Default)]
pub struct Elf {
    /// The machine's number, and whether its words have 64 bits.
    pub machine: (elf::Machine, bool),
    /// The dynamic loader that it names.
    pub interpreter: Option<PathBuf>,
    /// The sonames of the libraries that it needs.
    pub needed: Vec<String>,
    /// Where these are looked for first: `DT_RUNPATH`, or `DT_RPATH`.
    pub run_path: Vec<String>,
    /// The functions and data that it exports.
    pub exports: BTreeSet<String>,
    /// The functions and data in its symbol table, if it is not stripped.
    pub symbols: BTreeSet<String>,
}

/// Reads an ELF file. `None` if it is none.
pub fn read(bytes: &[u8]) -> Option<Elf> {
    match object::FileKind::parse(bytes).ok()? {
        object::FileKind::Elf64 => read_as::<FileHeader64<Endianness>>(bytes).ok(),
        object::FileKind::Elf32 => read_as::<FileHeader32<Endianness>>(bytes).ok(),
        _ => None,
    }
}

fn read_as<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::Result<Elf> {
    let header = H::parse(bytes)?;
    let endian = header.endian()?;
    let mut found = Elf { machine: (header.e_machine(endian), header.is_type_64()), ..Elf::default() };
    for segment in header.program_headers(endian, bytes)? {
        use object::read::elf::ProgramHeader;
        if let Some(path) = segment.interpreter(endian, bytes)? {
            found.interpreter = Some(PathBuf::from(OsString::from_vec(path.to_vec())));
        }
    }
    let sections = header.sections(endian, bytes)?;
    if let Some((entries, link)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        for entry in entries {
            let text = || entry.string(endian, strings).ok().map(|text| String::from_utf8_lossy(text).into_owned());
            match entry.tag(endian) {
                elf::DT_NEEDED => found.needed.extend(text()),
                elf::DT_RUNPATH | elf::DT_RPATH => {
                    found.run_path = text().unwrap_or_default().split(':').map(str::to_owned).collect();
                }
                _ => {}
            }
        }
    }
    for (kind, names) in [(elf::SHT_DYNSYM, &mut found.exports), (elf::SHT_SYMTAB, &mut found.symbols)] {
        let table = sections.symbols(endian, bytes, kind)?;
        let defined = table.iter().filter(|symbol| !symbol.is_undefined(endian));
        let texts = defined.filter_map(|symbol| table.symbol_name(endian, symbol).ok());
        names.extend(texts.filter(|text| !text.is_empty()).map(|text| String::from_utf8_lossy(text).into_owned()));
    }
    Ok(found)
}

impl Elf {
    /// The machine in words.
    pub fn machine_name(&self) -> String {
        let name = match self.machine.0 {
            elf::EM_X86_64 if !self.machine.1 => "x32",
            elf::EM_X86_64 => "x86_64",
            elf::EM_386 => "i386",
            elf::EM_AARCH64 => "aarch64",
            elf::EM_ARM => "arm",
            elf::EM_RISCV => "riscv",
            elf::EM_PPC64 => "powerpc64",
            elf::EM_S390 => "s390",
            other => return format!("the machine of number {}", other.0),
        };
        name.to_owned()
    }

    /// Whether it belongs to musl, by its loader or its libc.
    pub fn is_of_musl(&self) -> bool {
        let by_loader = self.interpreter.as_ref().is_some_and(|path| path.to_string_lossy().contains("/ld-musl-"));
        by_loader || self.needed.iter().any(|name| name.starts_with("libc.musl-") || name == "libc.so")
    }

    /// Whether a function or a variable is in it, exported or not.
    pub fn has(&self, name: &str) -> bool {
        self.exports.contains(name) || self.symbols.contains(name)
    }
}

/// The build id of a file, if it is an ELF file that has one.
pub fn build_id_of(path: &Path) -> Option<Vec<u8>> {
    let parts = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&parts).ok()?;
    object::Object::build_id(&file).ok().flatten().map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_known() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let elf = read(&bytes).unwrap();
        assert!(elf.interpreter.is_some() && elf.has("main"));
        assert!(elf.needed.iter().any(|name| name.starts_with("libc.")), "{:?}", elf.needed);
        assert_eq!(elf.machine_name(), std::env::consts::ARCH);
    }

    #[test]
    fn what_is_no_elf_file_is_none() {
        assert!(read(b"").is_none() && read(b"#!/bin/sh\n").is_none() && read(b"\x7fELF").is_none());
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        assert!(read(&bytes[..100]).is_none());
    }
}
