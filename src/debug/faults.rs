//! Faults on checked blocks: on freed ones whose pages cannot be touched, and behind and before mappings.

use crate::base::align;
use crate::base::code::Code;
use crate::base::config::UNIT;
use crate::debug::quarantine;
use crate::process::{options, statics};
use crate::report::checked_block;
use crate::report::fault::{self, Handling};
use crate::report::trailer::CheckedBlock;
use crate::trace::fault::Fault;

/// Handles a fault: reports it if the address is in a checked block's pages. Takes no lock.
pub fn on_fault(fault: &Fault) -> Handling {
    if !options::checked() {
        return Handling::NotOurs;
    }
    let (address, access) = (fault.address, fault.access.name());
    let holds = |block: &CheckedBlock| (block.start..block.end).contains(&address);
    if let Some(block) = quarantine::find(holds) {
        let (offset, start) = (address - block.start, block.start);
        let size = block.facts().map_or(0, |facts| facts.size);
        let text = format_args!(
            "{access} at {address:#x}: byte {offset} of the block of {size} bytes at {start:#x}, which was freed"
        );
        return fault::tell(Code::UseAfterFree, fault, text, &|detail| checked_block::describe(detail, start));
    }
    let mapping = |at| statics::MAPPINGS.locate(at).and_then(|record| checked_block::extent(record.start()));
    let size = |block: &CheckedBlock| block.facts().map_or(0, |facts| facts.size);
    let behind = mapping(address).filter(|block| address >= block.end);
    let behind = behind.map(|block| (address - (block.start + size(&block)), "behind", block));
    // A mapping starts at a unit. A block further away is hardly meant.
    let next = align::down(address, UNIT).saturating_add(UNIT);
    let before = mapping(next).filter(|block| block.start == next).map(|block| (next - address, "before", block));
    let nearest = [behind, before].into_iter().flatten().min_by_key(|&(distance, ..)| distance);
    let Some((distance, side, block)) = nearest else { return Handling::NotOurs };
    let (start, size) = (block.start, size(&block));
    let text =
        format_args!("{access} at {address:#x}: {distance} bytes {side} the block of {size} bytes at {start:#x}");
    fault::tell(Code::OutOfBounds, fault, text, &|detail| checked_block::describe(detail, start))
}
