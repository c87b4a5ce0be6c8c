//! What the kernel says is mapped at an address, for reports about pointers that are not from metes.

use crate::base::line::Line;
use crate::sys::env::for_each_piece;

/// What is mapped at an address.
pub struct MapsLine {
    /// First address of the mapping.
    pub start: usize,
    /// The address after its last.
    pub end: usize,
    /// Whether it can be written to.
    pub writable: bool,
    /// For a mapping of a file: the address that the file's first byte would have.
    pub base: usize,
    /// The kernel's name for it: a path, `[heap]`, `[stack]`, or nothing.
    pub name: Line<128>,
}

/// The kernel does not say what is mapped: there is no /proc.
#[derive(Debug)]
pub struct Unreadable;

/// The mapping that holds `address`, if there is one, from /proc/self/maps.
pub fn lookup(address: usize) -> Result<Option<MapsLine>, Unreadable> {
    let mut found = None;
    let read = for_each_piece(c"/proc/self/maps", b'\n', &mut |line| {
        found = parse(line).filter(|place| (place.start..place.end).contains(&address));
        found.is_some()
    });
    if read { Ok(found) } else { Err(Unreadable) }
}

/// Reads one line, such as `7f5e4000-7f5e5000 rw-p 00000000 08:01 1234   /lib/libc.so.6`.
pub fn parse(line: &[u8]) -> Option<MapsLine> {
    // A path may have any bytes. It is cut off where it is no longer text.
    let line = line.utf8_chunks().next()?.valid();
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let name = rest.splitn(5, ' ').nth(4).unwrap_or("").trim_start();
    let offset = rest.split(' ').nth(1).and_then(|offset| usize::from_str_radix(offset, 16).ok())?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let mut place = MapsLine {
        start,
        end: usize::from_str_radix(end, 16).ok()?,
        writable: rest.as_bytes().get(1) == Some(&b'w'),
        base: start.saturating_sub(offset),
        name: Line::new(),
    };
    place.name.push(name.as_bytes());
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_lines() {
        let place = parse(b"7f5e4000-7f5e5000 rw-p 00001000 08:01 1234      /lib/a b.so").unwrap();
        assert_eq!((place.start, place.end, place.writable), (0x7f5e_4000, 0x7f5e_5000, true));
        assert_eq!(place.name.as_bytes(), b"/lib/a b.so");
        assert_eq!(place.base, 0x7f5e_3000);
        let place = parse(b"1000-2000 r--p 00000000 00:00 0 ").unwrap();
        assert_eq!((place.name.as_bytes(), place.writable), (&b""[..], false));
        assert!(parse(b"rubbish").is_none());
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn finds_the_stack() {
        let local = 0u8;
        let place = lookup((&raw const local).addr()).unwrap().unwrap();
        assert!(place.writable);
        assert!(lookup(16).unwrap().is_none());
    }
}
