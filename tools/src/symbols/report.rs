//! The frames of a report: `#0 0x55d0c0de1139 /home/me/program+0x1139`, maybe with ` (BuildId: 0123abcd)` behind it.

use super::Symbols;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A line of a stack.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What stands before the frame's number.
    head: &'a [u8],
    /// The length of `#` and the number.
    number: usize,
    /// The program or library.
    pub module: &'a Path,
    /// The address in it.
    pub address: u64,
    /// Its build id, if the line says it.
    pub build_id: Option<Vec<u8>>,
}

/// Adds a line of a report to `out`, and behind it a line for each place of the frame that it has, innermost first.
pub fn annotate(symbols: &mut Symbols, line: &[u8], out: &mut Vec<u8>) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    out.extend_from_slice(line);
    out.push(b'\n');
    let Some(frame) = parse(line) else { return };
    for place in symbols.places(frame.module, frame.build_id.as_deref(), frame.address).iter() {
        out.extend_from_slice(frame.head);
        // Writing to a vector never fails.
        let _ = writeln!(out, "{:width$}{place}", "", width = frame.number + 5);
    }
}

/// The frame that a line is, if it is one.
pub fn parse(line: &[u8]) -> Option<Frame<'_>> {
    let mut starts = line.iter().enumerate().filter(|&(_, &byte)| byte == b'#').map(|(at, _)| at);
    starts.find_map(|at| parse_at(line, at))
}

fn parse_at(line: &[u8], start: usize) -> Option<Frame<'_>> {
    let rest = line[start + 1..].trim_ascii_end();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest[digits..].strip_prefix(b" 0x").filter(|_| digits > 0)?;
    let blank = rest.iter().position(|byte| !byte.is_ascii_hexdigit()).filter(|&at| at > 0)?;
    let rest = rest[blank..].strip_prefix(b" ").filter(|rest| rest.starts_with(b"/"))?;
    let (rest, build_id) = split_build_id(rest);
    let plus = rest.windows(3).rposition(|three| three == b"+0x")?;
    let address = std::str::from_utf8(&rest[plus + 3..]).ok()?;
    Some(Frame {
        head: &line[..start],
        number: digits + 1,
        module: Path::new(OsStr::from_bytes(&rest[..plus])),
        address: u64::from_str_radix(address, 16).ok()?,
        build_id,
    })
}

fn split_build_id(rest: &[u8]) -> (&[u8], Option<Vec<u8>>) {
    const MARK: &[u8] = b" (BuildId: ";
    let found = rest.strip_suffix(b")").and_then(|inner| {
        let at = inner.windows(MARK.len()).rposition(|window| window == MARK)?;
        let digits = std::str::from_utf8(&inner[at + MARK.len()..]).ok().filter(|text| text.is_ascii())?;
        let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
        Some((&rest[..at], Some(pairs.collect::<Option<Vec<_>>>()?)))
    });
    found.unwrap_or((rest, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_from_other_lines() {
        let frame = parse(b"metes:     #10 0x55d0c0de1139 /home/me/a +0x1 program+0x1139\n").unwrap();
        assert_eq!((frame.head, frame.number, frame.address), (&b"metes:     "[..], 3, 0x1139));
        assert_eq!((frame.module, frame.build_id), (Path::new("/home/me/a +0x1 program"), None));
        let frame = parse(b"#0 0x1 /x+0xff (BuildId: 00ab12)").unwrap();
        assert_eq!((frame.module, frame.build_id), (Path::new("/x"), Some(vec![0, 0xab, 0x12])));
        for other in [
            "",
            "#",
            "#0",
            "#0 0x",
            "#x 0x1 /x+0x1",
            "#0 0x1 ?",
            "#0 0x1 x+0x1",
            "#0 0x1 /x+1",
            "#0 0x1 /x+0x",
            "#0 0x1 /x+0x1ffffffffffffffff",
        ] {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_line_is_written_as_it_is() {
        let (mut symbols, mut out) = (Symbols::new(&[]), Vec::new());
        annotate(&mut symbols, b"\xff no report\n", &mut out);
        annotate(&mut symbols, b"#0 0x1 /no/such/file+0x1", &mut out);
        assert_eq!(out, b"\xff no report\n#0 0x1 /no/such/file+0x1\n");
    }
}
