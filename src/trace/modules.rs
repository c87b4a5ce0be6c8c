//! What is loaded where: programs, shared libraries, and the kernel's own.
//!
//! The loader's table is read with glibc's `_dl_find_object` (2.35). It takes no lock and may be called in
//! a signal handler. `dladdr` and `dl_iterate_phdr` take the loader's lock, whose owner may be waiting for
//! a lock of metes. On older libcs only this module and the main program are known, by their own headers.
//!
//! Reports give an address as a path and an offset in that file, as `addr2line -e` takes it. The kernel
//! copies all that is read for this beyond the table, as a library may be unloaded meanwhile.

#![allow(unsafe_code)]

use super::maps;
use crate::base::line::Line;
use crate::base::mangled::MangledAddress;
use crate::base::pointer;
use crate::sys::linked::linked_address;
use crate::sys::syscall::{call, int};
use crate::sys::{auxv, probe};
use core::fmt;
use core::mem::MaybeUninit;
use libc::{Elf64_Ehdr, Elf64_Phdr};

/// A module's path. A longer one is cut.
pub type Name = Line<320>;

/// A module: where it is and what describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Module {
    /// Its first address, where its ELF header is.
    pub start: usize,
    /// The address after its last.
    pub end: usize,
    /// Its `.eh_frame_hdr`; 0 if it has none.
    pub unwind: usize,
    /// The loader's record of it, a `struct link_map`; 0 if there is none.
    record: usize,
}

impl Module {
    /// Whether an address lies in it.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// A number that differs from that of an earlier module at the same place. It covers the place, the
    /// loader's record, and the count and total size of the functions with unwind information. Only a
    /// rebuilt library with all of these the same is taken for the earlier one.
    #[inline]
    pub fn fingerprint(&self) -> u64 {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        /// Bytes of the header, with the table's size in it, and of a row of the usual table: a pair of
        /// four-byte words.
        const HEADER: usize = 12;
        const ROW: usize = 8;
        let mut fingerprint =
            (self.record as u64 ^ (self.end as u64).rotate_left(16)).wrapping_mul(K) ^ self.unwind as u64;
        if self.unwind != 0 && self.unwind.is_multiple_of(4) {
            let words = pointer::at::<u32>(self.unwind);
            // SAFETY: the loader says that the unwind information's header is there, and the rows of
            // its table follow it.
            unsafe {
                let (place, count) = (words.add(1).read(), words.add(2).read());
                let last = HEADER + (count as usize).saturating_sub(1) * ROW;
                fingerprint = fingerprint.wrapping_mul(K) ^ u64::from(place) << 32 ^ u64::from(count);
                if words.cast::<[u8; 4]>().read() == USUAL && last + ROW <= self.end - self.unwind {
                    let row = words.byte_add(last);
                    fingerprint =
                        fingerprint.wrapping_mul(K) ^ u64::from(row.read()) << 32 ^ u64::from(row.add(1).read());
                }
            }
        }
        fingerprint
    }
}

/// The first bytes of the unwind information's header, as all current linkers write them.
const USUAL: [u8; 4] = [1, 0x1b, 3, 0x3b];

/// A `struct dl_find_object`.
#[repr(C)]
struct LoaderRecord {
    flags: u64,
    start: usize,
    end: usize,
    record: usize,
    unwind: usize,
    /// More than the struct has.
    reserved: [u64; 16],
}

/// The address of glibc's `_dl_find_object`, once it was looked up.
static LOADERS: MangledAddress = MangledAddress::none();

/// Looks the loader's function up when this library is loaded. A weak reference would name a version of
/// the symbol, and an older libc without that version does not load the library.
pub fn begin() {
    // SAFETY: dlsym only looks up.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    let _ = LOADERS.swap(pointer::expose(function));
}

/// Which of the modules that are never unloaded this is: 0, this library; 1, the main program; 2, the libc.
pub fn lasting(module: &Module) -> Option<usize> {
    let here: fn() = begin;
    let abort: unsafe extern "C" fn() -> ! = libc::abort;
    let marks = [here as usize, auxv::get(libc::AT_PHDR).unwrap_or(0), abort as usize];
    // A module known by its headers alone does not count: later the loader says more of it.
    marks.iter().position(|&address| module.record != 0 && module.contains(address))
}

/// The module that an address lies in.
#[inline]
pub fn find(address: usize) -> Option<Module> {
    let function = LOADERS.get().unwrap_or(0);
    if function == 0 {
        return [this_library_by_header(), program_by_header()]
            .into_iter()
            .flatten()
            .find(|module| module.contains(address));
    }
    let mut found = MaybeUninit::<LoaderRecord>::uninit();
    // SAFETY: the libc's function has this type. It writes its result, and only if it returns zero.
    unsafe {
        let function: extern "C" fn(usize, *mut LoaderRecord) -> libc::c_int =
            core::mem::transmute(pointer::at::<()>(function));
        if function(address, found.as_mut_ptr()) != 0 {
            return None;
        }
        let found = found.as_ptr();
        Some(Module { start: (*found).start, end: (*found).end, unwind: (*found).unwind, record: (*found).record })
    }
}

/// The shared library that this code is in; `None` if the code is part of the program.
pub fn this_library() -> Option<Module> {
    let here: fn() = begin;
    let module = find(here as usize)?;
    let name = (module.record != 0).then(|| name_of(module.record)).flatten();
    let is_program = match name {
        // Only the program has an empty name.
        Some(name) => name.as_bytes().is_empty(),
        // The loader says no name, or a sandbox refuses to read it.
        None => auxv::get(libc::AT_PHDR).is_some_and(|headers| module.contains(headers)),
    };
    (!is_program).then_some(module)
}

/// The module that this code is in, by its ELF header, which has a name in the linker.
fn this_library_by_header() -> Option<Module> {
    by_header(linked_address!(hidden "__ehdr_start"))
}

/// The main program, by its program headers, whose address the kernel gives.
fn program_by_header() -> Option<Module> {
    let headers = auxv::get(libc::AT_PHDR)?;
    by_header(headers.checked_sub(size_of::<Elf64_Ehdr>())?)
}

fn by_header(start: usize) -> Option<Module> {
    let (mut end, mut unwind) = (0, 0);
    let segments = segments(start)?;
    let bias = start.wrapping_sub(first_address(segments)?);
    for segment in segments {
        let at = bias.wrapping_add(word(segment.p_vaddr));
        match segment.p_type {
            libc::PT_LOAD => end = end.max(at + word(segment.p_memsz)),
            libc::PT_GNU_EH_FRAME => unwind = at,
            _ => {}
        }
    }
    (end != 0).then_some(Module { start, end, unwind, record: 0 })
}

/// The address that the first byte of a module's file was linked for, by its program headers.
fn first_address(segments: &[Elf64_Phdr]) -> Option<usize> {
    let first = segments.iter().find(|segment| segment.p_type == libc::PT_LOAD && segment.p_offset == 0)?;
    Some(word(first.p_vaddr))
}

/// The end of the module's segment that `address` lies in.
pub fn segment_end(module: &Module, address: usize) -> Option<usize> {
    let segments = segments(module.start)?;
    let bias = module.start.wrapping_sub(first_address(segments)?);
    segments.iter().filter(|segment| segment.p_type == libc::PT_LOAD).find_map(|segment| {
        let at = bias.wrapping_add(word(segment.p_vaddr));
        let end = at + word(segment.p_filesz);
        (at..end).contains(&address).then_some(end)
    })
}

/// The program headers of the module whose ELF header is at `start`.
fn segments(start: usize) -> Option<&'static [Elf64_Phdr]> {
    if start == 0 || !start.is_multiple_of(align_of::<Elf64_Ehdr>()) {
        return None;
    }
    let behind = start.checked_add(size_of::<Elf64_Ehdr>())?;
    if !are_readable(start, behind) {
        return None;
    }
    // SAFETY: it can be read, and is never written to while the module is there.
    let header = unsafe { pointer::to_ref::<Elf64_Ehdr>(start) };
    let is_elf = header.e_ident[..4] == *b"\x7fELF" && usize::from(header.e_phentsize) == size_of::<Elf64_Phdr>();
    let (offset, count) = (word(header.e_phoff), usize::from(header.e_phnum));
    if !is_elf || !offset.is_multiple_of(align_of::<Elf64_Phdr>()) {
        return None;
    }
    // Tools that rewrite files move the program headers away from the header, and then they may not be in memory.
    let first = start.checked_add(offset)?;
    let end = first.checked_add(count * size_of::<Elf64_Phdr>())?;
    if !are_readable(first, end) {
        return None;
    }
    // SAFETY: as above.
    Some(unsafe { core::slice::from_raw_parts(pointer::at(first), count) })
}

/// Whether all words from one address up to another can be read.
fn are_readable(start: usize, end: usize) -> bool {
    /// The smallest page size there is.
    const PAGE: usize = 4096;
    (start & !(PAGE - 1)..end).step_by(PAGE).all(probe::is_readable)
}

#[expect(clippy::cast_possible_truncation, reason = "modules of 64 bits are known on machines of 64 bits alone")]
const fn word(value: u64) -> usize {
    value as usize
}

/// The addresses of this library's own code. For a shared library: its whole range. For a program with
/// `libmetes.a` in it: the section that `scripts/make-static` puts all code into. Empty if neither is known.
pub fn code_of_this_library() -> core::ops::Range<usize> {
    let (start, stop) = (linked_address!(hidden "__start_metes_text"), linked_address!(hidden "__stop_metes_text"));
    if start != 0 && stop > start {
        return start..stop;
    }
    this_library().map_or(0..0, |module| module.start..module.end)
}

/// An address as a report gives it.
pub struct NamedAddress {
    /// The path of what is mapped there; empty if that has no name.
    pub name: Name,
    /// The offset for `addr2line -e`.
    pub offset: usize,
}

impl fmt::Display for NamedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_bytes().utf8_chunks().next().map_or("", |chunk| chunk.valid());
        if name.is_empty() { f.write_str("?") } else { write!(f, "{name}+{:#x}", self.offset) }
    }
}

/// What an address belongs to. Never faults and takes no lock. May be called in a signal handler.
pub fn place(address: usize) -> NamedAddress {
    by_record(address).or_else(|| by_map(address)).unwrap_or(NamedAddress { name: Name::new(), offset: 0 })
}

/// By the loader's record: `l_addr`, then `l_name`.
fn by_record(address: usize) -> Option<NamedAddress> {
    let module = find(address).filter(|module| module.record != 0)?;
    let bias = peek_word(module.record)?;
    let mut name = name_of(module.record)?;
    if name.as_bytes().is_empty() {
        name = program_name()?;
    }
    Some(NamedAddress { name, offset: address.wrapping_sub(bias) })
}

/// The loader's name for a module.
fn name_of(record: usize) -> Option<Name> {
    let mut name = Name::new();
    read_text(peek_word(record + size_of::<usize>())?, &mut name);
    Some(name)
}

/// By the kernel's list of mappings.
fn by_map(address: usize) -> Option<NamedAddress> {
    let place = maps::lookup(address).ok()??;
    let mut name = Name::new();
    name.push(place.name.as_bytes());
    // A file that is mapped from its start has its header at `base`. One linked for fixed addresses
    // (ET_EXEC) is mapped at these.
    let mut header = [0u8; 18];
    let got = probe::peek(place.base, &mut header);
    let is_fixed = got == header.len() && header.starts_with(b"\x7fELF") && header[16] == 2;
    Some(NamedAddress { name, offset: if is_fixed { address } else { address - place.base } })
}

/// The main program's path.
fn program_name() -> Option<Name> {
    let mut buffer = [0u8; 319];
    let args = [
        int(libc::AT_FDCWD),
        pointer::expose(c"/proc/self/exe".as_ptr()),
        pointer::expose(buffer.as_mut_ptr()),
        buffer.len(),
    ];
    // SAFETY: the kernel reads the path and writes within the buffer.
    let len = unsafe { call(libc::SYS_readlinkat, args) };
    let len = len.ok().filter(|&len| len != 0 && len < buffer.len())?;
    let mut name = Name::new();
    name.push(&buffer[..len]);
    Some(name)
}

fn peek_word(address: usize) -> Option<usize> {
    let mut bytes = [0u8; size_of::<usize>()];
    (probe::peek(address, &mut bytes) == bytes.len()).then_some(usize::from_ne_bytes(bytes))
}

/// Appends a C string, in pieces that cross no page.
fn read_text(mut address: usize, name: &mut Name) {
    const PIECE: usize = 64;
    let mut left = 320;
    while left > 0 && address != 0 {
        let mut bytes = [0u8; PIECE];
        let wanted = (PIECE - address % PIECE).min(left);
        let got = probe::peek(address, &mut bytes[..wanted]);
        let text = &bytes[..got];
        let end = text.iter().position(|&byte| byte == 0);
        name.push(&text[..end.unwrap_or(got)]);
        if end.is_some() || got < wanted {
            return;
        }
        (address, left) = (address + got, left - got);
    }
}

/// Writes a stack, one line a frame: `    #0 0x7f5e4123 /lib/libfoo.so.1+0x4123`. A frame is a return
/// address. The line gives the byte before it, which lies in the call.
pub fn write_stack(frames: &[usize], line: &mut dyn FnMut(fmt::Arguments<'_>)) {
    for (index, &frame) in frames.iter().enumerate() {
        let address = frame.wrapping_sub(1);
        line(format_args!("    #{index} {address:#x} {}", place(address)));
    }
}

#[cfg(all(test, not(any(miri, feature = "models"))))]
mod tests;
