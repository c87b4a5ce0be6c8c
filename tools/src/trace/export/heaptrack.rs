//! The format of heaptrack, version 3 of its files, for `heaptrack_print` and `heaptrack_gui`: lines of text, whose first
//! letter says what they are, with numbers in hexadecimal digits.
//!
//! ```text
//!     s length text           the next string; they are counted from 1
//!     i address module (function file line)...     the next frame, with what is inlined there, innermost first
//!     t frame caller          the next stack: a frame and the stack of its caller, or 0
//!     a size stack            the next kind of allocation; counted from 0
//!     + kind, - kind          an allocation, a free
//!     c milliseconds          the time
//! ```

use crate::profile::sites::{Sites, function};
use crate::trace::event::Event;
use crate::trace::read::Trace;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::io::{self, Write};

/// The version of heaptrack that has this format, and the format's.
const VERSION: &str = "v 10400 3";
const PAGE: u64 = 4096;

/// What has a number in the file.
struct Writer<'a> {
    out: &'a mut dyn Write,
    trace: &'a Trace,
    sites: &'a mut Sites,
    strings: HashMap<String, usize>,
    frames: HashMap<u64, usize>,
    nodes: HashMap<(usize, usize), usize>,
    /// The nodes of stacks.
    stacks: HashMap<u32, usize>,
    kinds: HashMap<(u64, u32), usize, FixedState>,
    /// The kinds of live blocks.
    live: HashMap<u64, usize, FixedState>,
}

/// Writes the events.
pub fn write(
    trace: &Trace,
    sites: &mut Sites,
    events: impl Iterator<Item = Event>,
    out: &mut dyn Write,
) -> io::Result<()> {
    // heaptrack takes kind 0 for that of the last allocation after each free: so nothing has it.
    writeln!(out, "{VERSION}\nX {}\nI {PAGE:x} 0\na 0 0", trace.process().program)?;
    let mut writer = Writer {
        out,
        trace,
        sites,
        strings: HashMap::new(),
        frames: HashMap::new(),
        nodes: HashMap::new(),
        stacks: HashMap::new(),
        kinds: HashMap::default(),
        live: HashMap::default(),
    };
    let mut time = 0;
    for event in events {
        if event.at / 1_000_000 > time {
            time = event.at / 1_000_000;
            writeln!(writer.out, "c {time:x}")?;
        }
        if let Some(kind) = writer.live.remove(&event.old) {
            writeln!(writer.out, "- {kind:x}")?;
        }
        if event.block != 0 {
            let kind = writer.kind(event.size, event.stack)?;
            writeln!(writer.out, "+ {kind:x}")?;
            writer.live.insert(event.block, kind);
        }
    }
    Ok(())
}

impl Writer<'_> {
    fn kind(&mut self, size: u64, stack: u32) -> io::Result<usize> {
        if let Some(&known) = self.kinds.get(&(size, stack)) {
            return Ok(known);
        }
        let node = self.stack(stack)?;
        writeln!(self.out, "a {size:x} {node:x}")?;
        let number = self.kinds.len() + 1;
        self.kinds.insert((size, stack), number);
        Ok(number)
    }

    fn stack(&mut self, stack: u32) -> io::Result<usize> {
        if let Some(&known) = self.stacks.get(&stack) {
            return Ok(known);
        }
        let mut node = 0;
        for &address in self.trace.stack(stack).iter().rev() {
            let frame = self.frame(address)?;
            let next = self.nodes.len() + 1;
            let caller = node;
            node = *self.nodes.entry((frame, caller)).or_insert(next);
            if node == next {
                writeln!(self.out, "t {frame:x} {caller:x}")?;
            }
        }
        self.stacks.insert(stack, node);
        Ok(node)
    }

    fn frame(&mut self, address: u64) -> io::Result<usize> {
        if let Some(&known) = self.frames.get(&address) {
            return Ok(known);
        }
        let module = self.sites.map(address.saturating_sub(1)).map(|map| map.name.clone()).unwrap_or_default();
        let mut line = format!("i {address:x} {:x}", self.string(&module)?);
        for place in self.sites.places(address).iter() {
            let (name, file) = (self.string(function(place))?, self.string(place.file.as_deref().unwrap_or_default())?);
            line += &format!(" {name:x} {file:x} {:x}", place.line.unwrap_or(0));
        }
        writeln!(self.out, "{line}")?;
        let number = self.frames.len() + 1;
        self.frames.insert(address, number);
        Ok(number)
    }

    /// The number of a string; 0 for the empty one.
    fn string(&mut self, text: &str) -> io::Result<usize> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(&known) = self.strings.get(text) {
            return Ok(known);
        }
        let line = text.replace('\n', " ");
        writeln!(self.out, "s {:x} {line}", line.len())?;
        let number = self.strings.len() + 1;
        self.strings.insert(text.to_owned(), number);
        Ok(number)
    }
}
