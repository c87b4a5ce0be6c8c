//! A line of comma-separated values for each event.

use crate::trace::event::Event;
use crate::trace::sheet::name;
use std::io::{self, Write};

/// Writes the lines, and one with the columns' names before.
pub fn write(events: impl Iterator<Item = Event>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "at_ns,thread,call,block,old,address,size,align,stack")?;
    for event in events {
        let Event { at, thread, call, block, old, address, size, align, stack } = event;
        let align = if align == 0 { 0 } else { 1u64 << align.min(63) };
        writeln!(out, "{at},{thread},{},{block},{old},{address:#x},{size},{align},{stack}", name(call))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::Call;

    #[test]
    fn an_event_is_a_line() {
        let event =
            Event { at: 7, thread: 1, call: Call::Aligned, block: 3, old: 0, address: 64, size: 9, align: 6, stack: 2 };
        let mut out = Vec::new();
        write([event].into_iter(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().nth(1), Some("7,1,aligned,3,0,0x40,9,64,2"));
    }
}
