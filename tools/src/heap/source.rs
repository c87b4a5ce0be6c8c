//! Where a heap is read from: the channel of a process, and words of its memory.

use crate::failure::Failure;
use crate::process::maps::Map;
use crate::process::{Memory, Process, symbol};
use metes::internals::channel::{Channel, MAGIC};

/// A heap that can be read. What is read may be half changed, as the process goes on meanwhile.
pub struct Source<'a> {
    memory: &'a dyn Memory,
    /// The library's channel.
    pub channel: Channel,
    secret: Option<u64>,
}

impl<'a> Source<'a> {
    /// The heap of a process; a failure if it does not run on metes, or on another version.
    pub fn find(process: &'a Process, maps: &[Map]) -> Result<Self, Failure> {
        let exported = symbol::addresses_of(process, maps, "metes_channel");
        let found = exported.into_iter().find_map(|address| Self::at(process, address)).or_else(|| {
            symbol::addresses_with(process, maps, &MAGIC).into_iter().find_map(|address| Self::at(process, address))
        });
        found.ok_or_else(|| Failure::about(process.pid(), why_none(maps)))
    }

    /// The heap whose channel is at an address.
    pub fn at(memory: &'a dyn Memory, address: u64) -> Option<Self> {
        let mut bytes = vec![0; size_of::<Channel>()];
        if !memory.read(address, &mut bytes) {
            // An older version has a shorter one.
            bytes.truncate(20);
            memory.read(address, &mut bytes).then_some(())?;
            let size = u32::from_le_bytes(bytes[16..].try_into().ok()?) as usize;
            bytes.resize(size.min(size_of::<Channel>()), 0);
            memory.read(address, &mut bytes).then_some(())?;
        }
        let channel = Channel::from_bytes(&bytes)?;
        // Beside text that looks like one.
        (channel.arenas.get() != 0 && channel.map.unit != 0 && channel.classes != 0).then(|| {
            let mut source = Self { memory, channel, secret: None };
            source.secret = source.word(source.channel.secret.get() as u64);
            source
        })
    }

    /// The secret of checksums.
    pub fn secret(&self) -> Option<u64> {
        self.secret
    }

    /// The library's version.
    pub fn version(&self) -> String {
        let text = self.channel.version.iter().take_while(|&&byte| byte != 0).copied().collect();
        String::from_utf8(text).unwrap_or_default()
    }

    /// The bytes at an address.
    pub fn bytes(&self, address: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.memory.read(address, &mut bytes).then_some(bytes)
    }

    /// Fills `into` with the bytes from an address on, without touching pages that are not resident: these are zero.
    pub fn read_untouched(&self, address: u64, into: &mut [u8]) -> bool {
        self.memory.read_untouched(address, into)
    }

    /// Eight bytes at an address as a number.
    pub fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.memory.read(address, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }
}

/// Bytes of a struct that were copied, read by offsets.
pub struct Record(Vec<u8>);

impl Record {
    /// The struct at an address.
    pub fn read(source: &Source<'_>, address: u64, len: usize) -> Option<Self> {
        source.bytes(address, len).map(Self)
    }

    /// The same of anonymous memory, without touching pages that are not resident.
    pub fn untouched(source: &Source<'_>, address: u64, len: usize) -> Option<Self> {
        let mut bytes = vec![0; len];
        source.read_untouched(address, &mut bytes).then_some(Self(bytes))
    }

    /// Bytes that were read.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The 64 bits at an offset; 0 behind the end.
    pub fn u64(&self, offset: usize) -> u64 {
        self.part(offset).map_or(0, u64::from_le_bytes)
    }

    /// The 32 bits at an offset.
    pub fn u32(&self, offset: usize) -> u32 {
        self.part(offset).map_or(0, u32::from_le_bytes)
    }

    /// The 16 bits at an offset.
    pub fn u16(&self, offset: usize) -> u16 {
        self.part(offset).map_or(0, u16::from_le_bytes)
    }

    /// The byte at an offset.
    pub fn u8(&self, offset: usize) -> u8 {
        self.0.get(offset).copied().unwrap_or(0)
    }

    /// All of it as numbers of 64 bits.
    pub fn words(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
    }

    fn part<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }
}

/// Why a process has no channel.
fn why_none(maps: &[Map]) -> &'static str {
    if maps.iter().any(|map| map.name.contains("libmetes.so")) {
        return "its libmetes.so is of another version, which this tool cannot read: use the tool of that version";
    }
    "this process does not run on metes: start it with metes run, or see metes doctor"
}
