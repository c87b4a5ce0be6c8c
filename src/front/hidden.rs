//! Faults on checked blocks: on freed ones whose pages nobody may touch, and behind mappings.

use super::fault::{self, Claim};
use super::quarantine;
use super::trailer::Block;
use super::{options, runtime, watch};
use crate::base::align;
use crate::base::code::Code;
use crate::sys::fault::Fault;
use crate::sys::linux::{self, page_size};
use crate::sys::report::{self, After};

/// A fault: reports it if the address is in a checked block's pages. Takes no lock.
pub fn on_fault(fault: &Fault) -> Claim {
    if !options::watched() {
        return Claim::NotOurs;
    }
    let (address, access) = (fault.address, fault.access.name());
    let holds = |block: &Block| (block.start..block.end).contains(&address);
    if let Some(block) = quarantine::find(holds) {
        let (offset, start) = (address - block.start, block.start);
        let size = block.facts().map_or(0, |facts| facts.size);
        let text = format_args!(
            "{access} at {address:#x}: byte {offset} of the block of {size} bytes at {start:#x}, which was freed"
        );
        return tell(Code::UseAfterFree, fault, block, text);
    }
    let mapping = runtime::MAPPINGS.locate(address).and_then(|span| watch::extent(span.start()));
    let Some(block) = mapping.filter(|block| address >= block.end) else { return Claim::NotOurs };
    let (start, size) = (block.start, block.facts().map_or(0, |facts| facts.size));
    let behind = address - (start + size);
    let text = format_args!("{access} at {address:#x}: {behind} bytes behind the block of {size} bytes at {start:#x}");
    tell(Code::OutOfBounds, fault, block, text)
}

fn tell(code: Code, fault: &Fault, block: Block, text: core::fmt::Arguments<'_>) -> Claim {
    fault::tell(code, fault, text, &|detail| watch::describe(detail, block.start));
    let page = align::down(fault.address, page_size());
    let goes_on = report::after() != After::Stop && linux::permit(page, page_size());
    if goes_on { Claim::GoOn } else { Claim::Reported }
}
