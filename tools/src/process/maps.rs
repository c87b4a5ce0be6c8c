//! The ranges of a process's address space: /proc/PID/maps, and /proc/PID/smaps, which also says what is resident.

use serde::{Deserialize, Serialize};

/// A range that the kernel knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// Whether it may be read.
    pub readable: bool,
    /// Whether it may be written to.
    pub writable: bool,
    /// Whether it may be executed.
    pub executable: bool,
    /// Where in its file it starts.
    pub offset: u64,
    /// The number of the file; 0 for none.
    pub inode: u64,
    /// A path, `[stack]` and the like, or nothing.
    pub name: String,
    /// Bytes that are resident; 0 from /proc/PID/maps.
    pub rss: u64,
    /// Bytes of these on huge pages.
    pub huge: u64,
    /// Bytes in swap.
    pub swap: u64,
}

impl Map {
    /// Whether an address is in it.
    pub fn holds(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// Reads either file. Lines that are neither a range nor a figure of one are skipped.
pub fn parse(text: &str) -> Vec<Map> {
    let mut maps: Vec<Map> = Vec::new();
    for line in text.lines() {
        if let Some(map) = range(line) {
            maps.push(map);
        } else if let Some(map) = maps.last_mut()
            && let Some((key, value)) = line.split_once(':')
        {
            let bytes = || value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10);
            match key {
                "Rss" => map.rss = bytes().unwrap_or(0),
                "AnonHugePages" => map.huge = bytes().unwrap_or(0),
                "Swap" => map.swap = bytes().unwrap_or(0),
                _ => {}
            }
        }
    }
    maps
}

/// `start-end perms offset dev inode name`; the name may have blanks.
fn range(line: &str) -> Option<Map> {
    let mut rest = line;
    let mut word = || {
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = behind.trim_start();
        word
    };
    let (start, end) = word().split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    let perms = word();
    let offset = u64::from_str_radix(word(), 16).ok()?;
    let _device = word();
    let inode = word().parse().ok()?;
    let readable = perms.starts_with('r');
    let (writable, executable) = (perms.as_bytes().get(1) == Some(&b'w'), perms.as_bytes().get(2) == Some(&b'x'));
    Some(Map { start, end, readable, writable, executable, offset, inode, name: rest.into(), ..Map::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
55d0c0de1000-55d0c0de2000 r-xp 00001000 08:01 1234                       /home/me/a program (deleted)
Size:                  4 kB
Rss:                   4 kB
VmFlags: rd ex mr mw me
7f0000000000-7f0000200000 rw-p 00000000 00:00 0 
Rss:                1024 kB
AnonHugePages:       512 kB
Swap:                  8 kB
7ffe0000-7fff0000 rw-p 00000000 00:00 0                          [stack]
";

    #[test]
    fn ranges_and_their_figures_are_read() {
        let maps = parse(TEXT);
        assert_eq!(maps.len(), 3);
        assert_eq!((maps[0].start, maps[0].offset, maps[0].inode), (0x55d0_c0de_1000, 0x1000, 1234));
        assert_eq!(maps[0].name, "/home/me/a program (deleted)");
        assert!(maps[0].readable && !maps[0].writable);
        assert_eq!((maps[1].rss, maps[1].huge, maps[1].swap), (1 << 20, 512 << 10, 8 << 10));
        assert_eq!((maps[1].name.as_str(), maps[2].name.as_str()), ("", "[stack]"));
    }

    #[test]
    fn what_is_no_range_is_skipped() {
        assert_eq!(parse("Rss: 4 kB\nzz-1 r-xp 0 0 0\n\n1-2\n"), []);
    }
}
