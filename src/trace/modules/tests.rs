//! Tests.

#![allow(unsafe_code)]

use super::*;
use crate::base::pointer;
use crate::sys::mmap;
use std::fmt::Write as _;
use std::string::{String, ToString};
use std::vec::Vec;

fn here() -> usize {
    let here: fn() = begin;
    here as usize
}

fn program() -> String {
    std::env::current_exe().unwrap().to_str().unwrap().to_string()
}

#[test]
fn the_program_and_the_libc_are_told_apart() {
    let program = find(here()).unwrap();
    let libc = find(libc::abort as unsafe extern "C" fn() -> ! as usize).unwrap();
    assert!(program.contains(here()) && program.unwind != 0 && libc.unwind != 0);
    assert!(!program.contains(libc.start) && program.fingerprint() != libc.fingerprint());
    assert_eq!((lasting(&program), lasting(&libc)), (Some(0), Some(2)));
    // The tests are part of a program: there is nothing to leave out of stacks.
    assert_eq!((this_library(), code_of_this_library()), (None, 0..0));
}

#[test]
fn an_address_of_no_module_is_in_none() {
    let local = 0;
    for address in [0, 1, (&raw const local).addr(), usize::MAX] {
        assert_eq!(find(address), None);
    }
}

#[test]
fn the_headers_say_what_the_loader_says() {
    let by_loader = find(here()).unwrap();
    for found in [this_library_by_header(), program_by_header()] {
        let found = found.unwrap();
        assert_eq!((found.start, found.unwind), (by_loader.start, by_loader.unwind));
        assert!(found.contains(here()));
    }
}

#[test]
fn a_segment_ends_behind_what_is_in_it() {
    let module = find(here()).unwrap();
    let end = segment_end(&module, module.unwind).unwrap();
    // To the loader of aarch64 a program ends with its code, and the information may be last there.
    assert!((module.unwind + 1..=module.end).contains(&end));
    assert_eq!(segment_end(&module, module.end + 4096), None);
    assert!(segments(0).is_none() && segments(0x1001).is_none());
}

#[test]
fn headers_that_cannot_be_read_are_none() {
    let page = mmap::page_size();
    let start = mmap::map_uncounted(2 * page).unwrap();
    // SAFETY: the test's own pages, with room for a header, and zeroes are a valid one.
    let header = unsafe { &mut *pointer::at_mut::<Elf64_Ehdr>(start) };
    header.e_ident[..4].copy_from_slice(b"\x7fELF");
    header.e_phentsize = size_of::<Elf64_Phdr>().try_into().unwrap();
    header.e_phnum = 2;
    header.e_phoff = (page - size_of::<Elf64_Phdr>()) as u64;
    assert_eq!(segments(start).unwrap().len(), 2);
    assert!(mmap::forbid(start + page, page));
    assert!(segments(start).is_none());
    header.e_phoff = !7;
    assert!(segments(start).is_none() && segments(start + page).is_none());
    assert!(segments(start + page - 8).is_none());
    // SAFETY: mapped above.
    assert!(unsafe { mmap::munmap(start, 2 * page) });
}

#[test]
fn a_place_is_the_same_by_the_loader_and_by_the_kernel() {
    for address in [here(), libc::abort as unsafe extern "C" fn() -> ! as usize] {
        let (first, second) = (by_record(address).unwrap(), by_map(address).unwrap());
        assert_eq!(first.offset, address - find(address).unwrap().start);
        assert!(first.name.as_bytes().starts_with(b"/"));
        // The first name is whole, the one from the list of mappings is cut.
        let len = second.name.as_bytes().len();
        assert!(first.name.as_bytes().ends_with(b".so.6") || &first.name.as_bytes()[..len] == second.name.as_bytes());
    }
    assert_eq!(place(here()).to_string(), std::format!("{}+{:#x}", program(), here() - find(here()).unwrap().start));
    assert_eq!(place(16).to_string(), "?");
}

#[test]
fn a_stack_has_a_line_a_frame() {
    let mut text = String::new();
    write_stack(&[here() + 1, 8, 0], &mut |line| writeln!(text, "{line}").unwrap());
    let lines: Vec<&str> = text.lines().collect();
    let offset = here() - find(here()).unwrap().start;
    assert_eq!(lines[0], std::format!("    #0 {:#x} {}+{offset:#x}", here(), program()));
    assert_eq!(lines[1..], ["    #1 0x7 ?", "    #2 0xffffffffffffffff ?"]);
}
