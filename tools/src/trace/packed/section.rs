//! The sections of a file: each has a mark, its kind, its length and a checksum, so that whatever is whole of a damaged
//! file is found.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How a file begins; the last digits are the format's version.
pub const MAGIC: &[u8; 16] = b"metes trace 001\n";
/// What all versions begin with.
pub const ANY_VERSION: &[u8] = b"metes trace ";
/// How a section begins.
const MARK: &[u8; 4] = b"\xf5MTS";
/// How a file ends: the last bytes of the footer.
const END: &[u8; 4] = b"MTE\n";
/// Bytes of a section's head: mark, kind, length, checksum.
pub const HEAD: u64 = 16;
/// Bytes of the footer: where the index is, a checksum of that, and `END`.
pub const FOOTER: u64 = 16;
/// No section is longer.
pub const LONGEST: usize = 1 << 26;

/// What a section has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[repr(u32)]
pub enum Kind {
    /// The process and its clock.
    Process = 1,
    /// Calls of a thread.
    Calls = 2,
    /// Stacks.
    Stacks = 3,
    /// What was mapped.
    Modules = 4,
    /// The names of the stacks' frames.
    Names = 5,
    /// What is live at a moment.
    Live = 6,
    /// Where all others are, and how it ended.
    Index = 7,
}

impl Kind {
    fn of(number: u32) -> Option<Self> {
        const ALL: [Kind; 7] =
            [Kind::Process, Kind::Calls, Kind::Stacks, Kind::Modules, Kind::Names, Kind::Live, Kind::Index];
        ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}

/// A section that was read.
pub struct Section {
    /// What it has.
    pub kind: Kind,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Where it stands.
    pub place: u64,
}

impl Section {
    /// Where the next one stands.
    pub fn end(&self) -> u64 {
        self.place + HEAD + self.payload.len() as u64
    }
}

fn checksum(kind: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind.to_le_bytes());
    hasher.update(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// The bytes of a section.
pub fn bytes(kind: Kind, payload: &[u8]) -> io::Result<Vec<u8>> {
    let len = u32::try_from(payload.len()).ok().filter(|&len| len as usize <= LONGEST);
    let len = len.ok_or_else(|| io::Error::other("a section would be too long"))?;
    let kind = kind as u32;
    let mut out = Vec::with_capacity(payload.len() + 16);
    out.extend_from_slice(MARK);
    [kind, len, checksum(kind, payload)].iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    out.extend_from_slice(payload);
    Ok(out)
}

/// The footer of a file.
pub fn footer(index: u64) -> Vec<u8> {
    let index = index.to_le_bytes();
    [&index[..], &crc32fast::hash(&index).to_le_bytes(), END].concat()
}

/// Where the footer says that the index is.
pub fn index_of(footer: &[u8]) -> Option<u64> {
    let (index, rest) = footer.split_first_chunk::<8>()?;
    (*rest == [&crc32fast::hash(index).to_le_bytes()[..], END].concat()).then(|| u64::from_le_bytes(*index))
}

/// The section at a place; `None` if none begins there that is whole.
pub fn read(file: &File, place: u64) -> Option<Section> {
    let mut head = [0; HEAD as usize];
    file.read_exact_at(&mut head, place).ok()?;
    let word = |at: usize| head[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
    let (kind, len, sum) = (word(4), word(8) as usize, word(12));
    // What the file does not have needs no memory.
    let there = file.metadata().ok()?.len().checked_sub(place + HEAD)?;
    if head[..4] != MARK[..] || len > LONGEST || len as u64 > there {
        return None;
    }
    let mut payload = vec![0; len];
    file.read_exact_at(&mut payload, place + HEAD).ok()?;
    let kind_of = Kind::of(kind)?;
    (checksum(kind, &payload) == sum).then_some(Section { kind: kind_of, payload, place })
}

/// The place of the next mark from a place on.
pub fn next_mark(file: &File, mut place: u64) -> Option<u64> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = file.read_at(&mut bytes, place).ok()?;
        if count < MARK.len() {
            return None;
        }
        if let Some(at) = bytes[..count].windows(MARK.len()).position(|four| four == MARK) {
            return Some(place + at as u64);
        }
        place += (count - MARK.len() + 1) as u64;
    }
}
