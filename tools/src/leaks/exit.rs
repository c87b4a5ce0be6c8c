//! Leaks that programs have found themselves when they exited (`leaks=exit`): out of the text of their reports.

use super::found::{Example, Frame, Leaks, Reach, Site, Sum};
use crate::symbols::Symbols;
use crate::symbols::report;

/// What begins each line of metes.
const OURS: &[u8] = b"metes: ";
/// What begins a line of detail.
const DETAIL: &[u8] = b"metes:   ";

/// What was in a file of reports.
pub struct Reports {
    /// The leaks of all processes.
    pub leaks: Leaks,
    /// The other lines.
    pub rest: Vec<u8>,
}

/// Reads a file of reports. Of each stack `depth` frames are told apart.
pub fn read(program: String, text: &[u8], symbols: &mut Symbols, depth: usize) -> Reports {
    let mut reader =
        Reader { symbols, depth, sites: Vec::new(), pids: Vec::new(), suppressed: Sum::default(), unlisted: 0 };
    let (mut rest, mut is_leak) = (Vec::new(), false);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_prefix(DETAIL) {
            Some(detail) if is_leak => reader.detail(detail),
            _ => {
                is_leak = line.strip_prefix(OURS).is_some_and(|line| line.starts_with(b"M016 "));
                if !is_leak {
                    rest.extend_from_slice(line);
                }
            }
        }
    }
    let Reader { sites, pids, suppressed, unlisted, .. } = reader;
    Reports { leaks: Leaks { suppressed, unlisted, ..Leaks::of(program, pids, sites) }, rest }
}

struct Reader<'a> {
    symbols: &'a mut Symbols,
    depth: usize,
    sites: Vec<Site>,
    pids: Vec<u32>,
    suppressed: Sum,
    unlisted: u64,
}

impl Reader<'_> {
    /// A line of detail of a report of leaks.
    fn detail(&mut self, line: &[u8]) {
        if let Some(frame) = report::parse(line) {
            let places = self.symbols.places(frame.module, frame.build_id.as_deref(), frame.address);
            let address = format!("{}+{:#x}", frame.module.display(), frame.address);
            self.add(&Frame::all(&places, &address));
            return;
        }
        let line = String::from_utf8_lossy(line);
        let words: Vec<_> = line.split_whitespace().collect();
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        match words[..] {
            // A frame whose module is not known.
            [number, address, ..] if number.starts_with('#') => self.add(&Frame::all(&[], address)),
            ["in", "thread", _, "of", "process", pid] => self.pids.extend(pid.parse::<u32>()),
            ["lost:", bytes, _, _, blocks, _, _, "at", address, ..] => {
                self.begin(Reach::Direct, number(blocks), number(bytes), address);
            }
            ["indirectly", "lost:", bytes, _, _, blocks, _, _, "at", address, ..] => {
                self.begin(Reach::Indirect, number(blocks), number(bytes), address);
            }
            ["and", places, "more", "places"] => self.unlisted += number(places),
            ["suppressed:", bytes, _, _, blocks, _] => self.suppressed.add(number(blocks), number(bytes)),
            _ => {}
        }
    }

    fn begin(&mut self, reach: Reach, blocks: u64, bytes: u64, address: &str) {
        let address = address.trim_end_matches(',').to_owned();
        let example = Example { address, size: bytes / blocks.max(1), first: String::new() };
        self.sites.push(Site { examples: vec![example], ..Site::of(reach, blocks, bytes, Vec::new()) });
    }

    /// Adds the places of a call to the stack of the last site.
    fn add(&mut self, places: &[Frame]) {
        let Some(site) = self.sites.last_mut() else { return };
        let calls = site.frames.iter().map(|frame| &frame.address).collect::<std::collections::HashSet<_>>().len();
        if calls < self.depth {
            site.frames.extend_from_slice(places);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
metes: M001 double free: free(0x1): this block is free already
metes:   in thread 1 of process 7
metes:   #0 0x1 /x+0x1
metes: M016 leak: 300 bytes in 3 blocks that nothing points at, and 16 bytes in 1 blocks that only these lead to
metes:   in thread 1 of process 8
metes:   lost: 200 bytes in 2 blocks, one at 0x7f00, allocated by thread 1 at
metes:     #0 0x55d0 /no/such+0x10
metes:     #1 0x55d1 /no/such+0x20
metes:   lost: 100 bytes in 1 blocks, one at 0x7f80, allocated by thread 2 at
metes:     #0 0x55d0 /no/such+0x10
metes:     #1 0x55d2 ??
metes:   indirectly lost: 16 bytes in 1 blocks, one at 0x8000, allocated by thread 1 at
metes:   and 3 more places
metes:   suppressed: 5 bytes in 1 blocks
statistics
";

    #[test]
    fn a_report_of_leaks_is_read_and_the_rest_is_kept() {
        let read = |depth| super::read("x".into(), TEXT.as_bytes(), &mut Symbols::new(&[]), depth);
        let Reports { leaks, rest } = read(8);
        let rest = String::from_utf8(rest).unwrap();
        assert!(
            rest.starts_with("metes: M001") && rest.ends_with("statistics\n") && rest.lines().count() == 4,
            "{rest}"
        );
        assert_eq!((leaks.pids.clone(), leaks.unlisted), (vec![8], 3));
        assert_eq!((leaks.direct, leaks.indirect), (Sum { blocks: 3, bytes: 300 }, Sum { blocks: 1, bytes: 16 }));
        assert_eq!(leaks.suppressed, Sum { blocks: 1, bytes: 5 });
        let frames = |leaks: &Leaks| leaks.sites.iter().map(|site| site.frames.len()).collect::<Vec<_>>();
        assert_eq!(frames(&leaks), [2, 2, 0]);
        assert_eq!(leaks.sites[0].frames[1].address, "/no/such+0x20");
        assert_eq!(leaks.sites[0].examples[0].address, "0x7f00");
        // With one frame the first two sites are one.
        let one = read(1).leaks;
        assert_eq!((frames(&one), one.sites[0].bytes), (vec![1, 0], 300));
    }
}
