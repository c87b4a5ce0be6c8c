//! Faults on checked blocks: on freed ones whose pages nobody may touch, and behind mappings.

use super::fault::{self, Claim};
use super::quarantine;
use super::trailer::Block;
use super::{options, runtime, watch};
use crate::base::code::Code;
use crate::sys::fault::Fault;

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
        return fault::tell(Code::UseAfterFree, fault, text, &|detail| watch::describe(detail, start));
    }
    let mapping = runtime::MAPPINGS.locate(address).and_then(|span| watch::extent(span.start()));
    let Some(block) = mapping.filter(|block| address >= block.end) else { return Claim::NotOurs };
    let (start, size) = (block.start, block.facts().map_or(0, |facts| facts.size));
    let behind = address - (start + size);
    let text = format_args!("{access} at {address:#x}: {behind} bytes behind the block of {size} bytes at {start:#x}");
    fault::tell(Code::OutOfBounds, fault, text, &|detail| watch::describe(detail, start))
}
